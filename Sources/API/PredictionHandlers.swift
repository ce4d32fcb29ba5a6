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
        PredictionStream(self, prediction, format: format).start()
    }
}
