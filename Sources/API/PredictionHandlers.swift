import Formats
import HTTPServer
import Service

/// Predictions, whole or step by step.
extension Call {
    func predict() throws {
        try noQuery()
        // Reading so much takes longer than a live session should wait for a thread.
        if request.body.count > Self.longBody { return try handOff(to: api.queues.long) { try readAndPredict() } }
        try readAndPredict()
    }

    /// Bytes of a body that are read in a few milliseconds.
    private static let longBody = 1 << 20

    private func readAndPredict() throws {
        let wish = try service.prepare(
            decode(plan: PredictRequest.plan, PredictRequest.init(reading:)), within: allowance)
        let format = EventFormat(accepted: request.fields)
        if request.body.count <= Self.longBody, service.isLong(wish) {
            return try handOff(to: api.queues.long) { try answer(wish, format) }
        }
        try answer(wish, format)
    }

    private func answer(_ wish: PreparedPrediction, _ format: EventFormat?) throws {
        let prediction = try service.predict(wish, within: allowance) {
            $0.answerBytes(rows: $1, topK: wish.request.topK)
        }
        guard let format else {
            return try answer {
                try $0.prediction(prediction, returning: wish.request.returning, allowance.cancellation)
            }
        }
        // A stream waits for its peer, and must not hold up a thread of the networks meanwhile.
        try handOff(to: api.queues.transfer) {
            let stream = EventStream(self, format)
            try stream.run { try write(prediction, onto: stream) }
        }
    }

    private func write(_ prediction: Prediction, onto stream: EventStream) throws {
        var outputs = OutputWriter(prediction.model)
        var count = 0
        for (input, steps) in prediction.steps.enumerated() {
            for step in 0..<steps {
                count += 1
                let output = prediction[input, step]
                try stream.send("output") { writer in
                    writer.member("input", input)
                    writer.member("step", step)
                    writer.key("output")
                    outputs.write(output, to: &writer, at: "#/output")
                    if let index = output.index { writer.member("index", index) }
                    outputs.writeWarnings(to: &writer)
                }
            }
        }
        let served = prediction.model
        try stream.send("done") { writer in
            writer.key("model")
            writer.served(served)
            writer.member("precision", served.precision.rawValue)
            writer.member("outputs", count)
            if served.kind == .forecast { writer.member("targets", served.outputNames) }
        }
    }
}
