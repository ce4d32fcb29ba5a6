import NamedFields
import Training

/// Gathers from records what one task learns from.
protocol TaskBuilder: RecordConsumer {
    /// Numbers gathered so far.
    var numberCount: Int { get }
    /// There were more than are wanted; nothing is gathered any more.
    var isOver: Bool { get }
}

/// What one task reads of the records that pass by. It notes what is wrong with them for the task; what is wrong with
/// their form is for the reader of the records to note.
final class TaskReader {
    let consumer: any TaskBuilder
    private let end: () throws -> TrainingData

    /// - Parameter most: how many numbers may come of it. A record that lacks columns is short, and the numbers that stand
    ///   for what it lacks are many.
    init(_ task: TaskSpec, missing: MissingPolicy, most: Int, _ collector: ViolationCollector) {
        switch task {
        case .forecast(let task):
            let builder = SeriesBuilder(task, most: most, collector)
            (consumer, end) = (builder, { .series(try builder.finish(missing)) })
        case .classify(let task):
            let builder = SequenceBuilder(SequenceWish(task), most: most, collector)
            (consumer, end) = (builder, { .sequences(try builder.finish(missing).classified) })
        case .label(let task):
            let wish = SequenceWish(task)
            let builder = SequenceBuilder(wish, most: most, collector)
            (consumer, end) = (builder, { .labelled(try builder.finish(missing).labelled(wish)) })
        }
    }

    /// Throws `Violations` with all that was noted.
    func finish() throws -> TrainingData { try end() }
}
