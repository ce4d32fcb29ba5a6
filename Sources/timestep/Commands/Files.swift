import Foundation
import Glibc

/// Files that commands read and write; "-" is the standard input or output.
enum Files {
    static func read(_ path: String) throws(CommandError) -> [UInt8] {
        var bytes: [UInt8] = []
        try pieces(of: path) { piece throws(CommandError) in bytes += piece }
        return bytes
    }

    /// Reads to the end, 64 KiB at a time.
    private static func pieces(
        of path: String, _ receive: (ArraySlice<UInt8>) throws(CommandError) -> Void
    ) throws(CommandError) {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandError(.file, "cannot read \(path): \(lastError())") }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw CommandError(.file, "cannot read \(path): \(lastError())") }
            if count == 0 { return }
            try receive(piece[..<count])
        }
    }

    static func text(_ path: String) throws(CommandError) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Calls `body` with the path of a file that can be read twice and whose size is known: the standard input is
    /// first written to a temporary file, which is gone afterwards.
    static func withFile<Result>(
        _ path: String, _ body: (String) throws(CommandError) -> Result
    ) throws(CommandError) -> Result {
        if path != "-" {
            var status = stat()
            guard stat(path, &status) == 0 else { throw CommandError(.file, "cannot read \(path): \(lastError())") }
            if status.st_mode & S_IFMT == S_IFREG { return try body(path) }
            // A pipe such as <(…) can be read only once, like the standard input.
        }
        var name = Array((NSTemporaryDirectory() + "/timestep-XXXXXX").utf8CString)
        let copy = mkstemp(&name)
        guard copy >= 0 else { throw CommandError(.file, "cannot make a temporary file: \(lastError())") }
        defer {
            close(copy)
            unlink(name)
        }
        try pieces(of: path) { piece throws(CommandError) in
            let written = piece.withUnsafeBytes { Glibc.write(copy, $0.baseAddress, $0.count) }
            guard written == piece.count else {
                throw CommandError(.file, "cannot write a temporary file: \(lastError())")
            }
        }
        return try body(String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    fileprivate static func lastError() -> String { String(cString: strerror(errno)) }
}

/// A file that is being written. Until `finish`, a file of the same name stays as it was.
final class FileSink {
    private let path: String
    private let temporary: String
    private let descriptor: Int32

    init(path: String) throws(CommandError) {
        self.path = path
        temporary = path + ".part"
        descriptor = path == "-" ? STDOUT_FILENO : open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw CommandError(.file, "cannot write \(path): \(Files.lastError())") }
    }

    deinit {
        guard descriptor != STDOUT_FILENO, descriptor >= 0 else { return }
        close(descriptor)
        // Gone already when `finish` moved it to its name.
        unlink(temporary)
    }

    func write(_ bytes: [UInt8]) throws(CommandError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw CommandError(.file, "cannot write \(path): \(Files.lastError())") }
            rest = rest.dropFirst(count)
        }
    }

    func finish() throws(CommandError) {
        guard path != "-" else { return }
        guard rename(temporary, path) == 0 else {
            throw CommandError(.file, "cannot write \(path): \(Files.lastError())")
        }
    }
}
