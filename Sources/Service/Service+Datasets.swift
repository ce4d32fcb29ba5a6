import Formats
import NamedFields
import Store
import Training

/// Data comes in once, streamed to the disk, and is referred to by id from then on.
extension Service {
    /// Begins to take a dataset in; see `DatasetReceiver`.
    public func beginDataset(format: DatasetFormat) throws -> DatasetReceiver {
        try requireRunning()
        return try DatasetReceiver(self, format)
    }

    /// Stores what `read` gives, chunk after chunk until nil, checking it on the way; never holds it in memory.
    ///
    /// Throws `.invalid` with every violation of the format, `StoreError` (`.diskFull`: nothing is left behind), and
    /// whatever `read` throws.
    public func receiveDataset(
        format: DatasetFormat, origin: Dataset.Origin = .upload, read: () throws -> [UInt8]?
    ) throws -> Dataset {
        let receiver = try beginDataset(format: format)
        do {
            while let chunk = try read() { try receiver.write(chunk) }
            return try receiver.finish(origin: origin)
        } catch {
            receiver.abandon()
            throw error
        }
    }

    public func dataset(_ id: String) throws -> Dataset { try store.dataset(id) }

    /// Columns, kinds, missing values: what the scan found when the dataset came in.
    public func summary(of dataset: Dataset) throws -> DatasetSummary {
        try Formats.decode(dataset.schema)
    }

    /// The same for telling it to people: nil where the stored text is none that this program can read.
    public func readableSummary(of dataset: Dataset) -> DatasetSummary? {
        readable("schema", of: dataset.id) { try summary(of: dataset) }
    }

    public func datasets(after: String?, limit: Int) throws -> Page<Dataset> {
        try store.datasets(after: after, limit: limit)
    }

    public func deleteDataset(_ id: String) throws { try store.deleteDataset(id) }

    /// Turns violations of the data into the service's own error.
    func scanned<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let violations as Violations {
            throw ServiceError.invalid(violations)
        }
    }
}
