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
        // Twice the room, so that each byte is moved once on the average; while it is moved, both rooms exist.
        var larger = max(needed, 2 * room, Self.leastRoom)
        if let announced { larger = min(larger, needed + min(announced, larger)) }
        try memory.take(larger, for: "the content of the request")
        request?.body.reserveCapacity(larger)
        request?.body += data
        memory.giveBack(room)
    }

    /// Holds most requests without growing.
    private static let leastRoom = 1_024
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
