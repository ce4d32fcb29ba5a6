import Formats
import HTTPServer
import Service

/// Predictions, whole or step by step.
extension Call {
    func predict() throws {
        try noQuery()
        // Reading so much takes longer than a live session should wait for a thread.
        if hasLongBody { return try handOff(to: api.queues.long) { try readAndPredict() } }
        try readAndPredict()
    }

    private func readAndPredict() throws {
        let wish = try service.prepare(
            decode(plan: PredictRequest.plan, PredictRequest.init(reading:)), within: allowance)
        let format = EventFormat(accepted: request.fields)
        if !hasLongBody, service.isLong(wish) {
            return try handOff(to: api.queues.long) { try answer(wish, format) }
        }
        try answer(wish, format)
    }

    private func answer(_ wish: PreparedPrediction, _ format: EventFormat?) throws {
        let prediction = try service.predict(wish, within: allowance) {
            // A stream has little of its text at once.
            format == nil ? $0.answerBytes(rows: $1, topK: wish.manner.topK) : 0
        }
        guard let format else {
            return try answer { try $0.prediction(prediction, allowance.cancellation) }
        }
        PredictionStream(self, prediction, format: format).start()
    }
}
