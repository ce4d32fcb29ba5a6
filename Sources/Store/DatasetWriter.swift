import Foundation
import Synchronization

/// A dataset that is being uploaded: bytes go to the disk as they come, and their digest with them.
///
/// Until `finish` there is no dataset. Letting go of the writer, `abandon`, any error and the end of the process leave
/// nothing. May be used from any thread, one at a time.
public final class DatasetWriter: Sendable {
    public let id: String
    private let store: Store
    private let file: Mutex<PendingFile?>

    init(_ store: Store, at now: Date) throws(StoreError) {
        let id = Identifier.make(prefix: FileArea.datasets.prefix, at: now)
        self.id = id
        self.store = store
        file = Mutex(try PendingFile(id, in: .datasets, of: store.storage, at: now))
    }

    /// Bytes written so far.
    public var bytes: Int { file.withLock { $0?.bytes ?? 0 } }

    /// Appends. After an error the writer is closed and its file gone.
    ///
    /// Throws `.diskFull`, `.unwritable`, `.inputOutput`, `.writerClosed`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
        try use { file throws(StoreError) in
            try file.write(bytes)
            return false
        }
    }

    /// Appends. After an error the writer is closed and its file gone.
    public func write(_ bytes: [UInt8]) throws(StoreError) {
        try use { file throws(StoreError) in
            try file.write(bytes)
            return false
        }
    }

    /// Makes the file durable and the dataset known.
    ///
    /// The row is written after the file lies complete under its name: a crash in between leaves an orphan file, never
    /// a dataset without its bytes.
    public func finish(_ description: DatasetDescription, at now: Date) throws(StoreError) -> Dataset {
        var dataset: Dataset?
        try use { file throws(StoreError) in
            let stored = try file.complete()
            let made = Dataset(
                id: id, origin: description.origin, format: description.format, schema: description.schema,
                rows: description.rows, bytes: stored.bytes, digest: stored.digest,
                createdAt: Date(microseconds: now.microseconds), lastUsedAt: Date(microseconds: now.microseconds))
            try store.insert(made, naming: file)
            file.settle()
            dataset = made
            return true
        }
        guard let dataset else { throw Self.closed }
        return dataset
    }

    /// Removes what was written.
    public func abandon() {
        file.withLock { file in
            file?.abandon()
            file = nil
        }
    }

    /// Runs `body` on the open file; closes the writer where it throws or answers true.
    private func use(_ body: (PendingFile) throws(StoreError) -> Bool) throws(StoreError) {
        let outcome: Result<Void, StoreError> = file.withLock { file in
            guard let pending = file else { return .failure(Self.closed) }
            do throws(StoreError) {
                if try body(pending) { file = nil }
                return .success(())
            } catch {
                pending.abandon()
                file = nil
                return .failure(error)
            }
        }
        try outcome.get()
    }

    private static let closed = StoreError(
        .writerClosed, "the upload was finished or abandoned already; begin another one")
}
