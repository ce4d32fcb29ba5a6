import Foundation
import Training

/// Reads a stored dataset for one task: passes once over the bytes and keeps only the columns the task names.
///
/// Throws `Violations` with everything that is wrong. Pointers into the data are relative to it and begin with the
/// record (`#/4/price` is the column `price` of the fifth row); those about the task are absolute (`#/task/target`).
public struct DatasetLoader: Sendable {
    private enum Source: Sendable {
        case file(String)
        case bytes([UInt8])
    }

    private let source: Source
    private let format: DatasetFormat

    private static let chunkSize = 1 << 20

    public init(path: String, format: DatasetFormat) {
        source = .file(path)
        self.format = format
    }

    public init(bytes: [UInt8], format: DatasetFormat) {
        source = .bytes(bytes)
        self.format = format
    }

    /// - Parameter most: how many numbers may come of it. A record that lacks columns is short, and the numbers that stand
    ///   for what it lacks are many.
    public func load(_ task: TaskSpec, missing: MissingPolicy = .error, most: Int = .max) throws -> TrainingData {
        let collector = ViolationCollector()
        let reader = TaskReader(task, missing: missing, most: most, collector)
        try read(into: reader.consumer, collector)
        return try reader.finish()
    }

    /// Targets, then features, in the order of the task; the time column as labels.
    public func series(
        _ task: ForecastTask, missing: MissingPolicy = .error, most: Int = .max
    ) throws -> SeriesTable {
        let collector = ViolationCollector()
        let builder = SeriesBuilder(task, most: most, collector)
        try read(into: builder, collector)
        return try builder.finish(missing)
    }

    /// Records `{"x": …, "label": …}`, or rows that a column of the task gathers into sequences.
    public func sequences(
        _ task: ClassifyTask, missing: MissingPolicy = .error, most: Int = .max
    ) throws -> SequenceSet {
        let collector = ViolationCollector()
        let builder = SequenceBuilder(SequenceWish(task), most: most, collector)
        try read(into: builder, collector)
        return try builder.finish(missing).classified
    }

    private func read(into consumer: any RecordConsumer, _ collector: ViolationCollector) throws {
        let reader = RecordReader(format, for: consumer, collector)
        switch source {
        case .bytes(let bytes): bytes.withUnsafeBufferPointer { reader.push($0) }
        case .file(let path):
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            while let chunk = try file.read(upToCount: Self.chunkSize), !chunk.isEmpty {
                chunk.withUnsafeBytes { reader.push($0.bindMemory(to: UInt8.self)) }
            }
        }
        reader.finish()
    }
}
