import Resources
import Wire

/// The way back for one request; usable from any thread. The first answer counts, a second is ignored.
///
/// A responder that is dropped unused answers 500, so that no client waits for an answer nobody will give.
public protocol Responder: Sendable {
    func respond(_ response: Response)

    /// Gives no answer, because nobody waits for one: the connection ends.
    func abandon()

    /// Begins an answer whose length is not known (chunked; for HTTP/1.0 ended by closing), or, with a
    /// `Content-Length` in `fields`, of just that length.
    ///
    /// `isEndless`: it ends when its peer leaves, so a peer that ends its own side is taken to leave. One that waits for
    /// the end of an answer gets it whole.
    func stream(status: Int, fields: Fields, isEndless: Bool) -> any ResponseStream
}

extension Responder {
    public func stream(status: Int, fields: Fields) -> any ResponseStream {
        stream(status: status, fields: fields, isEndless: false)
    }
}

/// An answer under way. Each write may be split or joined on the wire; its order is kept. All verbs but
/// `writeWaiting` return at once, whoever calls.
public protocol ResponseStream: AnyObject, Sendable {
    /// Queues bytes, unbounded: the caller looks at the answer, the bytes that wait for the peer after this write.
    /// Where `isFull` afterwards, wait for `onWritable`. Nil: the peer is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Int?

    /// Queues bytes and then waits, on a handed-off thread, until less than the high mark waits for the peer. False:
    /// the peer is gone and the work may stop. Never call it on a loop.
    @discardableResult
    func writeWaiting(_ bytes: [UInt8]) -> Bool

    /// Ends the answer in good order.
    func finish()

    /// Breaks the answer off, so that the client can tell that it is incomplete.
    func abort()

    /// As `write`, but refuses what finds no memory: for writers that do not wait for their peer.
    @discardableResult
    func writeCounted(_ bytes: [UInt8]) throws(MemoryRefusal) -> Int?

    /// So much waits for the peer that a writer should wait for `onWritable`.
    var isFull: Bool { get }

    var isClosed: Bool { get }

    /// Called once: everything was handed to the kernel after `finish`, or the peer is gone. On the loop (or at once
    /// where it has happened already): it must not block.
    func onClose(_ action: @escaping @Sendable (StreamEnd) -> Void)

    /// Called each time the bytes that wait have fallen below the low mark after having been above the high one. On
    /// the loop: it must not block.
    func onWritable(_ action: @escaping @Sendable () -> Void)

    /// Called once, when the server begins to stop: an endless stream ends itself now, in its own words, or is cut when
    /// the time for stopping is up. On the loop: it must not block.
    func onStopping(_ action: @escaping @Sendable () -> Void)
}

public enum StreamEnd: Sendable, Hashable {
    case finished
    /// The peer closed, was cut for reading too slowly, or the server stopped.
    case peerGone
    case aborted
}

/// Bytes that may wait for a slow peer, per stream; see `ServerContext.streamMark`. Writers go on below a quarter: far
/// enough from the mark that a wake-up moves more than a packet.
enum ResponseStreamMarks {
    /// Where few connections are open: holds the answer of a few hundred steps.
    static let high = 262_144
    /// However many are open.
    static let least = 8_192
}
