import Formats
import HTTPServer
import Resources
import Service
import Store

/// An answer that is written event by event, as fast as its work goes. No thread waits for a slow peer: what the peer has
/// not taken is counted as memory of the request, and the work ends where there is none left.
///
/// The head is sent with the first event, so whatever is wrong before it is a plain problem document with its status;
/// afterwards it is an `error` event.
final class EventStream {
    /// The peer is gone and nobody needs the rest.
    struct PeerGone: Error {}

    private let call: Call
    private let format: EventFormat
    private var stream: (any ResponseStream)?
    private var number: Int64 = 0
    /// What was sent, for an answer that may have to be given again: all of it, or so much that it is seen to be more than
    /// is kept.
    private(set) var sent: [UInt8] = []
    private let isKept: Bool
    /// What is left of the memory that was taken of the request for its events.
    private var reserved = 0

    /// `isKept`: collect what is sent, and go on when the peer is gone or there is no memory for what it does not take.
    init(_ call: Call, _ format: EventFormat, isKept: Bool = false) {
        self.call = call
        self.format = format
        self.isKept = isKept
    }

    /// For work that must not end for want of memory once it has begun: its events will have so many bytes. Gives what
    /// the caller takes of the request's memory before it begins.
    func reserve(_ bytes: Int) -> Int {
        reserved = bytes
        return isKept ? bytes + min(bytes, 2 * Store.largestAnswer) : bytes
    }

    func send(_ event: String, _ write: (inout JSONWriter) -> Void) throws {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("event", event)
            write(&writer)
        }
        number += 1
        try put(format.frame(event, id: number, writer.take()))
    }

    /// Runs the work and ends the stream: in good order, or with the problem.
    func run(_ work: () throws -> Void) throws {
        do {
            try work()
            finish()
        } catch {
            try fail(error)
        }
    }

    func finish() {
        stream?.finish()
        call.request.memory.giveBack(reserved)
        reserved = 0
    }

    /// Ends the stream with the problem and throws it on, for whoever has to answer it (where nothing was sent yet) or
    /// to log it.
    func fail(_ error: any Error) throws {
        if error is PeerGone {
            stream?.abort()
            return
        }
        if let stream {
            stream.write(format.frame(Problem(error), id: nil, requestID: call.request.id))
            stream.finish()
        }
        throw error
    }

    private func put(_ bytes: [UInt8]) throws {
        if stream == nil {
            stream = call.responder.stream(status: 200, fields: format.fields)
            try put(format.opening)
        }
        if isKept, sent.count <= Store.largestAnswer { sent += bytes }
        guard let stream, !bytes.isEmpty else { return }
        do throws(MemoryRefusal) {
            if try write(bytes, to: stream) != nil || isKept { return }
        } catch {
            guard isKept else { throw error }
            // What was asked has been done, and must not look as if it had not: the peer sees an answer that broke off,
            // and finds it under its key.
            return stream.abort()
        }
        throw PeerGone()
    }

    private func write(_ bytes: [UInt8], to stream: any ResponseStream) throws(MemoryRefusal) -> Int? {
        guard bytes.count <= reserved else { return try stream.writeCounted(bytes) }
        let waiting = stream.write(bytes)
        // The stream counts them now.
        call.request.memory.giveBack(bytes.count)
        reserved -= bytes.count
        return waiting
    }
}
