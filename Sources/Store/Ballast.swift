import Foundation
import GRDB
import Glibc

/// Room that is given up when the disk is full, so that deleting works then: a transaction that deletes writes to the log
/// before anything becomes free.
///
/// A file of zeros, written and not only claimed, beside the database. Whoever deletes on a full disk removes it, tries
/// again, and makes it again from the room that came free; where none came, the chores make it later.
final class Ballast: Sendable {
    /// A delete of a model with a thousand versions writes about 300 KiB to the log.
    static let bytes = 1 << 20

    private let path: String
    private let operations: any FileOperations

    init(directory: String, operations: any FileOperations) {
        path = directory + "/ballast"
        self.operations = operations
    }

    /// Makes it where it is missing or not whole. A disk without room for it is no error: there is nothing to keep.
    func restore() {
        var status = stat()
        if stat(path, &status) == 0, status.st_size == Self.bytes { return }
        do {
            try operations.remove(path)
            let descriptor = try operations.create(path)
            defer { close(descriptor) }
            try operations.fill(descriptor, bytes: Self.bytes, path: path)
        } catch {
            try? operations.remove(path)
        }
    }

    /// Whether there was any.
    func release() -> Bool {
        guard access(path, F_OK) == 0 else { return false }
        return (try? operations.remove(path)) != nil
    }

    /// Runs `body`; on a full disk once more, with the ballast's room. A worker that opens the folder gets none: it is
    /// the server that can be asked to delete something.
    func lending<Value>(
        to role: Store.Role = .server, _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            guard case .diskFull = error.reason, role == .server, release() else { throw error }
            return try body()
        }
    }
}

extension FileOperations {
    /// Writes so many zeros to a file and syncs it.
    func fill(_ descriptor: Int32, bytes: Int, path: String) throws(StoreError) {
        let zeros = [UInt8](repeating: 0, count: min(bytes, 65_536))
        var left = bytes
        while left > 0 {
            let written: Result<Int, StoreError> = zeros.withUnsafeBytes { buffer in
                do throws(StoreError) {
                    let piece = UnsafeRawBufferPointer(rebasing: buffer.prefix(left))
                    return .success(try write(piece, to: descriptor, path: path))
                } catch {
                    return .failure(error)
                }
            }
            left -= try written.get()
        }
        try sync(descriptor, path: path)
    }
}

extension Store {
    /// Deletes rows and then the files that they named, which `body` answers; on a full disk with the ballast's room.
    @discardableResult
    func removing(_ area: FileArea, _ body: (Database) throws -> [String]) throws(StoreError) -> [String] {
        let files = try ballast.lending { () throws(StoreError) in try database.write(body) }
        storage.discard(area, files)
        if role == .server { ballast.restore() }
        return files
    }

    /// Deletes rows that name no file, as `removing` does.
    @discardableResult
    func removing<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        let value = try ballast.lending { () throws(StoreError) in try database.write(body) }
        if role == .server { ballast.restore() }
        return value
    }
}
