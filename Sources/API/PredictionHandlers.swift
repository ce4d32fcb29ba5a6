import Formats
import HTTPServer
import Service

/// Predictions, whole or step by step.
extension Call {
    func predict() throws {
        try noQuery()
        let wish = try decode(PredictRequest.init(reading:))
        guard let format = EventFormat(accepted: request.fields) else {
            let prediction = try service.predict(wish)
            return answer { $0.prediction(prediction, returning: wish.returning) }
        }
        // A stream waits for its peer, and must not hold up a thread of the networks meanwhile.
        try handOff(to: api.queues.transfer) {
            let stream = EventStream(self, format)
            try stream.run { try predict(wish, onto: stream) }
        }
    }

    private func predict(_ wish: PredictRequest, onto stream: EventStream) throws {
        let prediction = try service.predict(wish)
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
