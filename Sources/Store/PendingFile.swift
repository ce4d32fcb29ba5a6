import Foundation
import Glibc
import Resources

/// A file on its way: written under a temporary name, synced, renamed, its directory synced; then a row names it.
///
/// From its first byte until `settle` or `abandon` it is locked (`flock`), under either name. The clean-up of orphans
/// removes only files it can lock, so it never takes one that is still being written or waits for its row, in whatever
/// process. A process that dies lets go of its locks, and the next clean-up removes what it left.
final class PendingFile {
    private let storage: FileStorage
    private let area: FileArea
    private let name: String
    private var descriptor: Int32
    private var path: String
    private var hasher: SHA256? = SHA256()
    private(set) var bytes = 0

    /// `name` is the final name within `area`.
    init(_ name: String, in area: FileArea, of storage: FileStorage, at now: Date) throws(StoreError) {
        self.storage = storage
        self.area = area
        self.name = name
        while true {
            let path = storage.path(.incoming, Identifier.make(prefix: FileArea.incoming.prefix, at: now))
            let descriptor = try storage.operations.create(path)
            var status = stat()
            guard waitForLock(descriptor), fstat(descriptor, &status) == 0 else {
                let code = errno
                close(descriptor)
                try? storage.operations.remove(path)
                throw .system(code, "lock", path)
            }
            // Between creation and lock a clean-up may have taken the file for an orphan: then it has no name any more,
            // and another is tried. That ends: a clean-up looks at each name once.
            if status.st_nlink > 0 {
                self.descriptor = descriptor
                self.path = path
                return
            }
            close(descriptor)
        }
    }

    deinit { abandon() }

    func write(_ buffer: UnsafeRawBufferPointer) throws(StoreError) {
        var rest = buffer
        while !rest.isEmpty {
            let count = try storage.operations.write(rest, to: descriptor, path: path)
            hasher?.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            bytes += count
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    func write(_ bytes: [UInt8]) throws(StoreError) {
        do {
            try bytes.withUnsafeBytes { try write($0) }
        } catch {
            throw StoreError.wrapping(error)
        }
    }

    /// Puts the whole file under its final name, on the disk. It stays locked: a row is to name it next.
    func complete() throws(StoreError) -> StoredFile {
        guard let digest = hasher.take()?.finish() else {
            throw StoreError(.writerClosed, "the file was completed already")
        }
        try storage.operations.sync(descriptor, path: path)
        let target = storage.path(area, name)
        try storage.operations.rename(path, to: target)
        path = target
        try storage.operations.syncDirectory(storage.directory(of: area))
        return StoredFile(name: name, bytes: bytes, digest: digest)
    }

    /// The transaction that was to name the file threw.
    ///
    /// Mostly there is no row then, and the file is removed. But a commit whose last sync failed may be found whole by
    /// the next process: after an error of reading or writing the database the file stays, and the next clean-up asks
    /// whether a row names it.
    func leave(after error: StoreError) {
        switch error.reason {
        case .inputOutput, .unwritable: settle()
        default: abandon()
        }
    }

    /// A committed row names the file now, or may.
    func settle() {
        guard descriptor >= 0 else { return }
        // Not left to the close: a process that is just being started may have a copy of the descriptor.
        releaseLock(descriptor)
        close(descriptor)
        descriptor = -1
    }

    /// Removes the file, under whichever name. Without effect after `settle`.
    func abandon() {
        guard descriptor >= 0 else { return }
        // What cannot be removed now is an orphan for the next start.
        try? storage.operations.remove(path)
        settle()
    }
}
