import Models
import NamedFields
import Networks

/// Truncated backpropagation through time: sequences as streams side by side, learnt from window by window, every stream's
/// state carried from one window to the next. Williams and Peng 1990; the two lengths are k₁ and k₂ of Sutskever 2013.
public struct BackpropagationSpec: Hashable, Sendable {
    /// Rows of a stream in one step of the optimizer. 64 rows of 32 streams are 2048 answers a step: enough for a gradient
    /// with little noise, and few enough that an epoch has many steps.
    public var steps = 64
    /// Rows that a gradient goes back; nil is as many as `steps`. More of them are gone through again in every window.
    public var back: Int?
    /// Streams side by side.
    public var streams = 32

    public init() {}

    /// Rows that the gradient goes back.
    var reach: Int { back ?? steps }
}

extension BackpropagationSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        typealias Limit = TrainingSpec.Limit
        visitor.field("steps", &steps, .whole(1...Limit.window), "Rows of every stream in one step of the optimizer.")
        visitor.field(
            "back", &back, .optional(.whole(1...Limit.window)),
            "Rows that a gradient goes back; null is those of steps."
        )
        visitor.field("streams", &streams, .whole(1...Limit.batchSize), "Streams that are learnt from side by side.")
    }
}

/// Real-time recurrent learning: the exact gradient of every row at that row, carried forward with the state instead of
/// going back. Williams and Zipser 1989. For one recurrent layer, since it takes states² · parameters multiplications a row.
public struct RealTimeSpec: Hashable, Sendable {
    /// Rows of a stream in one step of the optimizer. One is what real time means: a row is learnt from before the next.
    public var steps = 1
    /// Streams side by side. What is kept of each is states · parameters numbers.
    public var streams = 1

    public init() {}
}

extension RealTimeSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        typealias Limit = TrainingSpec.Limit
        visitor.field("steps", &steps, .whole(1...Limit.window), "Rows of every stream in one step of the optimizer.")
        visitor.field(
            "streams", &streams, .whole(1...Limit.batchSize), "Streams that are learnt from, one after the other.")
    }
}

extension OptimizationSpec {
    /// The windows in which streams are learnt from; nil where whole sequences are.
    var windows: BackpropagationSpec? {
        bptt
            ?? rtrl.map { realTime in
                BackpropagationSpec { ($0.steps, $0.streams) = (realTime.steps, realTime.streams) }
            }
    }

    /// What streams have to do with the rest of the specification.
    func checkStreams(_ network: NetworkSpec, _ task: TaskSpec, _ found: inout Violations) {
        guard let windows else { return }
        let name: Violation.PathComponent = bptt == nil ? "rtrl" : "bptt"
        if bptt != nil, rtrl != nil {
            found.add(
                at: ["training", "rtrl"], "the gradient goes back in windows or is carried forward: leave out one")
        }
        if windows.reach < windows.steps {
            found.add(
                at: ["training", "bptt", "back"],
                "the gradient goes back at least through the \(windows.steps) rows of its own window")
        }
        if !task.answersEveryRow {
            found.add(
                at: ["training", name],
                "windows of a stream need an answer at every row, and this task has one for a whole sequence")
        }
        if rtrl != nil, !RealTimeLearning.fits(network.layers) {
            found.add(
                at: ["training", "rtrl"],
                "real-time learning is for one recurrent layer that reads in one direction; bptt takes any")
            return
        }
        for (index, layer) in network.layers.enumerated() where layer.bidirectional {
            found.add(
                at: ["network", "layers", .index(index), "bidirectional"],
                "what reads from the end has no state that could be carried from window to window")
        }
    }
}

extension TaskSpec {
    /// Whether its sequences can be learnt from as streams.
    fileprivate var answersEveryRow: Bool { if case .classify = self { false } else { true } }
}
