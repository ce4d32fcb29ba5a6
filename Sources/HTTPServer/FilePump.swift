import Dispatch
import Glibc
import Wire

/// Sends a file as an answer, a piece at a time: the next piece is read, away from the loop, when the peer has taken
/// most of the last ones. So a file of gigabytes costs half a megabyte, and no thread waits for a slow peer.
final class FilePump: Sendable {
    private struct State {
        var descriptor: Int32
        var remaining: Int
        /// A read is under way or submitted.
        var isBusy = false
    }

    private let state: Monitor<State>
    private let stream: StreamHandle

    /// Reading a file may wait for a disk, which a loop must not.
    private static let queue = DispatchQueue(label: "http.files", attributes: .concurrent)

    private static let pieceSize = 131_072

    /// Opens the file and answers with it; where it cannot be opened, with the application's answer to `FileError`.
    static func start(path: String, response: Response, request: Request?, loop: EventLoop, stream: StreamHandle) {
        queue.async {
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            var status = stat()
            guard descriptor >= 0, fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                let error = FileError(path: path, code: descriptor < 0 ? errno : EINVAL)
                if descriptor >= 0 { close(descriptor) }
                let answer = loop.context.response(to: error, request: request)
                loop.post { $0.answer(stream.token, stream.serial, answer) }
                return
            }
            var fields = response.fields
            fields["Content-Length"] = String(status.st_size)
            let pump = FilePump(descriptor: descriptor, count: Int(status.st_size), stream: stream)
            stream.onWritable { pump.readMore() }
            // The last reference to the pump, and with it the descriptor, goes with the stream's callbacks.
            let isTaken = loop.post { [fields] loop in
                loop.beginStream(stream, status: response.status, fields: fields)
                if !stream.isClosed { pump.readMore() }
            }
            if !isTaken { stream.close(.peerGone) }
        }
    }

    private init(descriptor: Int32, count: Int, stream: StreamHandle) {
        state = Monitor(State(descriptor: descriptor, remaining: count))
        self.stream = stream
    }

    deinit {
        let descriptor = state.withLock { $0.descriptor }
        close(descriptor)
    }

    private func readMore() {
        let isMine = state.withLock { state in
            defer { state.isBusy = true }
            return !state.isBusy
        }
        guard isMine else { return }
        Self.queue.async { self.readUntilFull() }
    }

    private func readUntilFull() {
        while true {
            let piece = state.withLock { Self.read(&$0) }
            guard let piece else { return stream.abort() }
            if piece.isEmpty { return stream.finish() }
            guard stream.write(piece) != nil else { return }
            if stream.isFull {
                state.withLock { $0.isBusy = false }
                // The peer may have taken everything between the two lines above; then no edge will come.
                if !stream.isFull { readMore() }
                return
            }
        }
    }

    /// The next piece, empty at the end, nil where the file is shorter than it was or cannot be read.
    private static func read(_ state: inout State) -> [UInt8]? {
        guard state.remaining > 0 else { return [] }
        let wanted = min(state.remaining, pieceSize)
        let descriptor = state.descriptor
        let piece = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
            var result = 0
            repeat { result = Glibc.read(descriptor, buffer.baseAddress, wanted) } while result < 0 && errno == EINTR
            count = max(0, result)
        }
        guard !piece.isEmpty else { return nil }
        state.remaining -= piece.count
        return piece
    }
}

/// A file that an answer names cannot be sent.
public struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    public var path: String
    /// The `errno` of the failure.
    public var code: Int32

    public var isMissing: Bool { code == ENOENT }

    public var description: String {
        "\(path) cannot be sent: \(SystemError.text(code))"
    }
}
