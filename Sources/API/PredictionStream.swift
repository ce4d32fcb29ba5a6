import Formats
import HTTPServer
import Service
import Synchronization

/// The answers of a prediction, sent one by one as the peer takes them. No thread waits for a slow peer: room for more
/// starts a turn on the transfer threads, and turns of one stream never overlap.
final class PredictionStream: Sendable {
    private struct State {
        var outputs: OutputWriter
        /// The next answer.
        var input = 0
        var step = 0
        var count = 0
        var number: Int64 = 0
        var isTurning = false
        var isOver = false
    }

    private let prediction: Prediction
    private let steps: [Int]
    private let format: EventFormat
    private let queue: ThreadQueue
    private let stream: any ResponseStream
    private let state: Mutex<State>

    /// Sends the head at once.
    init(_ call: Call, _ prediction: Prediction, format: EventFormat) {
        self.prediction = prediction
        self.format = format
        steps = prediction.steps
        queue = call.api.queues.transfer
        stream = call.responder.stream(status: 200, fields: format.fields)
        state = Mutex(State(outputs: OutputWriter(prediction.model, prediction.manner)))
    }

    func start() {
        stream.write(format.opening)
        // The open connection keeps the stream alive: these closures go when the connection does.
        stream.onWritable { [weak self] in self?.turn() }
        stream.onClose { [self] _ in state.withLock { $0.isOver = true } }
        turn()
    }

    private func turn() {
        let mayTurn = state.withLock { state in
            defer { state.isTurning = true }
            return !state.isTurning && !state.isOver
        }
        guard mayTurn else { return }
        queue.resume { [self] in send() }
    }

    private func send() {
        for _ in 0..<Self.batch {
            guard let (event, isLast) = state.withLock({ next(&$0) }), stream.write(event) != nil else { return }
            // Before the look at the mark: no turn comes after the last event.
            if isLast { return stream.finish() }
            if stream.isFull {
                state.withLock { $0.isTurning = false }
                // The peer may have taken it all between the two lines above; no further edge tells of that then.
                if !stream.isFull { turn() }
                return
            }
        }
        // Others have their turn.
        queue.resume { [self] in send() }
    }

    /// Answers of one turn where the peer takes them fast.
    private static let batch = 1_000

    /// The next event, and whether it is the last; nil where the stream is over.
    private func next(_ state: inout State) -> (event: [UInt8], isLast: Bool)? {
        guard !state.isOver else { return nil }
        while state.input < steps.count, state.step == steps[state.input] {
            state.input += 1
            state.step = 0
        }
        state.number += 1
        var writer = JSONWriter()
        guard state.input < steps.count else {
            state.isOver = true
            done(state.count, to: &writer)
            return (format.frame("done", id: state.number, writer.take()), true)
        }
        let (input, step) = (state.input, state.step)
        writer.object { writer in
            writer.member("event", "output")
            writer.member("input", state.input)
            writer.member("step", state.step)
            writer.key("output")
            state.outputs.write(prediction[input, step], to: &writer, at: "#/output")
            if let index = prediction.index(input: input, step: step) { writer.member("index", index) }
            state.outputs.writeWarnings(to: &writer)
        }
        state.step += 1
        state.count += 1
        return (format.frame("output", id: state.number, writer.take()), false)
    }

    private func done(_ count: Int, to writer: inout JSONWriter) {
        let served = prediction.model
        writer.object { writer in
            writer.member("event", "done")
            writer.key("model")
            writer.served(served)
            writer.member("precision", served.precision.rawValue)
            writer.member("outputs", count)
            if served.kind == .forecast { writer.member("targets", served.outputNames) }
        }
    }
}
