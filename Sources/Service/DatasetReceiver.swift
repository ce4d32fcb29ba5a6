import Formats
import Store
import Synchronization
import Training

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

    /// - Parameter request: to train on it; what its task learns from is gathered on the way.
    init(_ service: Service, _ format: DatasetFormat, for request: TrainRequest? = nil) throws {
        self.service = service
        self.format = format
        if let request {
            scanner = Mutex(
                DatasetScanner(
                    format: format, for: request.spec.task, missing: request.missing, most: Service.mostChecked))
        } else {
            scanner = Mutex(DatasetScanner(format: format))
        }
        writer = try service.store.beginDataset(at: service.now())
    }

    /// Throws `StoreError` (`.diskFull`).
    public func write(_ piece: [UInt8]) throws {
        scanner.withLock { $0.push(piece) }
        try writer.write(piece)
    }

    /// Numbers gathered for the task so far.
    var numberCount: Int { scanner.withLock { $0.numberCount } }

    /// Throws `.invalid` with every violation of the format.
    public func finish(origin: Dataset.Origin = .upload) throws -> Dataset { try finish(origin).dataset }

    /// With what the task learns from, where there is a task and not too much of it.
    func finish(_ origin: Dataset.Origin) throws -> (dataset: Dataset, data: TrainingData?) {
        let (summary, data) = try service.scanned {
            try scanner.withLock { scanner in
                let summary = try scanner.finish()
                return (summary, try scanner.data())
            }
        }
        let dataset = try writer.finish(
            DatasetDescription(
                origin: origin, format: format.rawValue, schema: try Formats.encode(summary), rows: summary.rows),
            at: service.now())
        return (dataset, data)
    }

    /// Removes what was written.
    public func abandon() { writer.abandon() }
}
