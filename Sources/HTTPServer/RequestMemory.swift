import Resources
import Wire

/// Content that is collected takes of the budget as it arrives, whatever the client announced.
extension Exchange {
    /// Adds a piece of content. `announced` is what follows it by the client's word: no more room than that is made.
    func collect(_ data: ArraySlice<UInt8>, announced: Int?) throws(MemoryRefusal) {
        guard let memory = request?.memory, let held = request?.body.count else { return }
        let needed = held + data.count
        let room = request?.body.capacity ?? 0
        guard needed > room else {
            request?.body += data
            return
        }
        if room >= ContentPieces.size, let full = request?.body {
            // Moving megabytes would hold up the loop: what is full is laid aside, and joined where the handler runs.
            let size = min(ContentPieces.size, announced.map { data.count + $0 } ?? .max)
            request?.body = []
            pieces.add(full)
            return try grow(to: max(size, data.count), adding: data, memory)
        }
        // Twice the room, so that each byte is moved once on the average; while it is moved, both rooms exist.
        var larger = max(needed, min(2 * room, ContentPieces.size), Self.leastRoom)
        if let announced { larger = min(larger, needed + min(announced, larger)) }
        try grow(to: larger, adding: data, memory)
        memory.giveBack(room)
    }

    private func grow(to size: Int, adding data: ArraySlice<UInt8>, _ memory: MemoryShare) throws(MemoryRefusal) {
        try memory.take(size, for: "the content of the request")
        request?.body.reserveCapacity(size)
        // An array may make itself a little more room than it was asked for, and all of it is given back one day.
        try memory.take((request?.body.capacity ?? size) - size, for: "the content of the request")
        request?.body += data
    }

    /// Holds most requests without growing.
    private static let leastRoom = 1_024
}

/// The parts of a large content that are full.
final class ContentPieces: Sendable {
    /// Moving so much takes a loop some hundred microseconds.
    static let size = 1 << 20

    private let pieces = Monitor<[[UInt8]]>([])

    func add(_ piece: [UInt8]) {
        pieces.withLock { $0.append(piece) }
    }

    /// All of the content in one array. Each piece goes as soon as it was copied, so both together hold hardly more than
    /// the content.
    func joined(with last: [UInt8], _ memory: MemoryShare) throws(MemoryRefusal) -> [UInt8] {
        var parts = pieces.withLock { pieces in
            defer { pieces = [] }
            return pieces
        }
        guard !parts.isEmpty else { return last }
        var whole: [UInt8] = []
        whole.reserveCapacity(parts.reduce(last.count) { $0 + $1.count })
        for index in parts.indices {
            try memory.take(parts[index].count, for: "the content of the request")
            whole += parts[index]
            memory.giveBack(parts[index].capacity)
            parts[index] = []
        }
        whole += last
        return whole
    }
}

extension EventLoop {
    /// Counts what is kept of a connection's input: the beginning of a head, or requests that wait for the answer to
    /// the one before them. Where there is no memory for it, the connection ends.
    func countInput(of peer: Peer) {
        let held = peer.isClosed ? 0 : peer.connection.heldInput
        guard held > Self.freeInput || peer.inputMemory != nil else { return }
        guard held > Self.freeInput else {
            peer.inputMemory = nil
            return
        }
        let memory = peer.inputMemory ?? MemoryShare(of: context.memory)
        peer.inputMemory = memory
        memory.shrink(to: held)
        do throws(MemoryRefusal) {
            try memory.take(held - memory.held, for: "what a connection sends ahead")
        } catch {
            close(peer)
        }
    }

    /// Most heads are shorter; ten thousand of these are 40 MB.
    private static let freeInput = 4_096
}

extension HTTPError {
    /// What a client is told whose content found no memory.
    init(_ refusal: MemoryRefusal) {
        self.init(
            refusal.isTemporary ? .overloaded(retryAfterSeconds: 1) : .contentTooLarge(limit: refusal.limit),
            refusal.description)
    }
}
