import Foundation
import Glibc
import Resources
import Synchronization

/// What the data folder remembers of its database, outside of it: which one it is, and how many commits it has seen.
///
/// The database counts its commits (`generation`), and each process writes the number here after a commit has returned.
/// So the mark may lag behind the database, after a crash in between or where two processes write at once, and is never
/// ahead of it; a database behind its mark has lost what was committed. The file is not synced: it needs to outlive
/// processes, and after a power cut an older mark is as true as a newer one.
///
/// One line of fixed length, written in place: it needs no room on a full disk, and no reader sees half of one.
final class FolderMark: Sendable {
    struct Content: Sendable, Equatable {
        /// Chosen at random when the database was made.
        var identity: String
        var generation: Int64
    }

    private let identity: String
    private let descriptor: Mutex<Int32>

    /// Where it cannot be opened it is not written: a folder without a mark is believed.
    init(directory: String, identity: String) {
        self.identity = identity
        descriptor = Mutex(open(Self.path(directory), O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
    }

    deinit { close() }

    func note(_ generation: Int64) {
        let line = Self.line(Content(identity: identity, generation: generation))
        descriptor.withLock { descriptor in
            guard descriptor >= 0 else { return }
            _ = line.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, 0) }
        }
    }

    func close() {
        descriptor.withLock { descriptor in
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    /// nil where there is none, or it is not whole: it says nothing then.
    static func read(in directory: String) -> Content? {
        guard let bytes = try? SystemFiles().read(path(directory)) else { return nil }
        let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
        guard words.count >= 2, let generation = Int64(words[1]) else { return nil }
        let content = Content(identity: String(words[0]), generation: generation)
        return line(content) == bytes ? content : nil
    }

    static func path(_ directory: String) -> String { directory + "/timestep.mark" }

    /// Identity, generation in 19 digits, and the start of the digest of both: a flipped bit makes it no mark.
    private static func line(_ content: Content) -> [UInt8] {
        let number = String(content.generation)
        let digits = String(repeating: "0", count: max(0, 19 - number.count)) + number
        let text = "\(content.identity) \(digits)"
        return Array("\(text) \(SHA256.hex(of: Array(text.utf8)).prefix(16))\n".utf8)
    }
}
