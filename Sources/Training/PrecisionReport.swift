import Kernels
import Models
import Networks

/// What a model scores in each precision of inference, on the same rows or sequences: what fewer bits cost.
///
/// Measured on the processor that trained. Another one gives the same figures in float32 and int8, and nearly the same in
/// bfloat16.
public struct PrecisionReport: Codable, Sendable, Equatable {
    /// Where the rows or sequences are from: the first of these that there is.
    public enum Part: String, Codable, Sendable {
        case holdout
        case validation
        /// What the parameters were fitted to; of a large part a share.
        case training
    }

    public var part: Part
    /// Rows that were forecast, or sequences that were labelled.
    public var count: Int
    public var float32: PrecisionScores
    public var bfloat16: PrecisionScores
    public var int8: PrecisionScores

    public init(
        part: Part, count: Int, float32: PrecisionScores, bfloat16: PrecisionScores, int8: PrecisionScores
    ) {
        self.part = part
        self.count = count
        self.float32 = float32
        self.bfloat16 = bfloat16
        self.int8 = int8
    }
}

public struct PrecisionScores: Codable, Sendable, Equatable {
    /// Of a forecast.
    public var oneStep: Scores?
    public var horizon: Scores?
    /// Of a classifier: the share told right, and the mean cross-entropy in nats.
    public var accuracy: Double?
    public var loss: Double?

    public init(oneStep: Scores, horizon: Scores) {
        self.oneStep = oneStep
        self.horizon = horizon
    }

    public init(accuracy: Double, loss: Double) {
        self.accuracy = accuracy
        // Weights beyond the range of fewer bits end as no number, which is told by its absence.
        self.loss = loss.isFinite ? loss : nil
    }

    private enum CodingKeys: String, CodingKey {
        case horizon, accuracy, loss
        case oneStep = "one_step"
    }
}

/// A training part may have millions of rows; so many tell what a precision costs, in less time than an epoch takes.
let mostTrainingExamples = 8192

extension Trainer {
    /// - Parameter known: the scores of `predictor`, which is in float32, where they are known.
    func precisionReport(
        _ series: PreparedSeries, _ predictor: Predictor, known: HoldoutReport?
    ) throws(PredictionError) -> PrecisionReport? {
        let (part, rows): (PrecisionReport.Part, Range<Int>) =
            if !series.holdoutRows.isEmpty {
                (.holdout, series.holdoutRows)
            } else if !series.validationRows.isEmpty {
                (.validation, series.validationRows)
            } else {
                (
                    .training,
                    max(predictor.historyRows, series.trainingRows - mostTrainingExamples)..<series.trainingRows
                )
            }
        let exact = if let known { Optional(known) } else { try series.scores(predictor, on: rows) }
        guard let exact else { return nil }
        func scores(_ precision: Precision) -> PrecisionScores {
            let reduced = Predictor(predictor.model, precision: precision, kernels: kernels)
            // A forecast that runs away where float32 does not is a finding, and no reason to lose the model.
            guard let found = try? series.scores(reduced, on: rows) else {
                let none = Scores(rmse: .infinity, mae: .infinity, mase: nil, smape: nil)
                return PrecisionScores(oneStep: none, horizon: none)
            }
            return PrecisionScores(oneStep: found.oneStep, horizon: found.horizon)
        }
        return PrecisionReport(
            part: part, count: rows.count,
            float32: PrecisionScores(oneStep: exact.oneStep, horizon: exact.horizon), bfloat16: scores(.bfloat16),
            int8: scores(.int8))
    }

    func precisionReport(_ model: Model) -> PrecisionReport {
        let isValidated = !examples.validation.isEmpty
        let all = isValidated ? examples.validation : examples.training
        // Every so many: sequences may stand in the order of their labels.
        let step = isValidated ? 1 : max((all.count + mostTrainingExamples - 1) / mostTrainingExamples, 1)
        let indices = stride(from: 0, to: all.count, by: step).map { all[$0] }
        func scores(_ precision: Precision) -> PrecisionScores {
            let network = InferenceNetwork(
                model.network, model.parameters, precision: precision, kernels: kernels)
            let found = kernels.scores(network, examples, indices)
            return PrecisionScores(accuracy: found.accuracy, loss: KnownDigits.ofSingles(found.loss))
        }
        return PrecisionReport(
            part: isValidated ? .validation : .training, count: indices.count, float32: scores(.float32),
            bfloat16: scores(.bfloat16), int8: scores(.int8))
    }
}

extension KernelSet {
    /// Mean cross-entropy of the answers to some examples, in nats, and the share told right.
    func scores(
        _ network: InferenceNetwork, _ examples: Examples, _ indices: [Int]
    ) -> (loss: Double, accuracy: Double) {
        let (width, rowWidth) = (network.description.outputs, network.description.rowWidth)
        var loss = 0.0
        var right = 0
        var due = DueAnswers()
        // In groups, so that neither all inputs nor all outputs stand in memory at once.
        let lengths = indices.map { examples.places[$0].length }
        for group in ScoredGroup.groups(of: lengths, network.description, network.stateLayout) {
            let own = indices[group]
            var values: [Float] = []
            values.reserveCapacity(lengths[group].reduce(0, +) * rowWidth)
            due.removeAll(of: examples.answers)
            for example in own {
                let place = examples.places[example]
                for row in place.start..<place.start + place.length {
                    examples.append(row: row, rowWidth: rowWidth, to: &values)
                }
                if examples.scoredPlace == .last {
                    due.append(examples, example, step: nil)
                } else {
                    for step in 0..<place.length { due.append(examples, example, step: step) }
                }
            }
            var outputs = network.run(
                values, lengths: own.map { examples.places[$0].length },
                answer: examples.scoredPlace == .last ? .last : .everyStep)
            var losses: [Float] = []
            let count = outputs.count / width
            outputs.withUnsafeMutableBufferPointer { outputs in
                guard let base = outputs.baseAddress else { return }
                let rows = MutableRows(base, count: count, width: width)
                right += due.right(rows.rows) ?? 0
                due.loss(rows, factor: 1, losses: &losses, gradient: rows, kernels: self)
            }
            loss = losses.reduce(loss) { $0 + Double($1) }
        }
        let count = Double(max(examples.weight(indices), 1))
        return (loss / count, Double(right) / count)
    }
}
