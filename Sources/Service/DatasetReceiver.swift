import Formats
import Store
import Synchronization

/// A dataset that is being received: written to the disk and checked piece by piece, never held in memory. Between two
/// pieces it needs no thread, so a slow client costs a file that is open and nothing else.
///
/// Until `finish` there is no dataset; letting go of the receiver, `abandon` and any error leave nothing. May be used
/// from any thread, one at a time.
public final class DatasetReceiver: Sendable {
    private let service: Service
    private let format: DatasetFormat
    private let scanner: Mutex<DatasetScanner>
    private let writer: DatasetWriter

    init(_ service: Service, _ format: DatasetFormat) throws {
        self.service = service
        self.format = format
        scanner = Mutex(DatasetScanner(format: format))
        writer = try service.store.beginDataset(at: service.now())
    }

    /// Throws `StoreError` (`.diskFull`).
    public func write(_ piece: [UInt8]) throws {
        scanner.withLock { $0.push(piece) }
        try writer.write(piece)
    }

    /// Throws `.invalid` with every violation of the format.
    public func finish(origin: Dataset.Origin = .upload) throws -> Dataset {
        let schema = try service.scanned {
            let summary = try scanner.withLock { try $0.finish() }
            return (rows: summary.rows, text: try Formats.encode(summary))
        }
        return try writer.finish(
            DatasetDescription(origin: origin, format: format.rawValue, schema: schema.text, rows: schema.rows),
            at: service.now())
    }

    /// Removes what was written.
    public func abandon() { writer.abandon() }
}
