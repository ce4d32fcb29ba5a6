import Formats
import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// What a report says of precisions is what a model scores that answers in them.
@Suite("Precision report")
struct PrecisionReportTests {
    private func done(_ spec: TrainingSpec, _ data: TrainingData) throws -> (model: Model, report: TrainingReport) {
        let trainer = try Trainer(spec, data, datasetDigest: "d")
        try trainer.run()
        let done = try trainer.finish()
        return (done.model, done.report)
    }

    private var validated: OptimizationSpec {
        OptimizationSpec(epochs: 3, batchSize: 16, validation: .init(fraction: 0.2))
    }

    @Test("a forecaster is scored on the held-out rows, else on the validation part, else on the training part")
    func parts() throws {
        let held = try done(forecastSpec(validated), .series(seasonalSeries())).report
        let precision = try #require(held.precision)
        #expect(precision.part == .holdout && precision.count == 12)
        #expect(
            precision.float32.oneStep == held.holdout?.oneStep && precision.float32.horizon == held.holdout?.horizon)

        let judged = try done(forecastSpec(validated, holdout: 0), .series(seasonalSeries())).report
        #expect(judged.precision?.part == .validation && judged.precision?.count == judged.validation?.rows)
        #expect(judged.precision?.float32.horizon == judged.validation?.horizon)

        // 80 rows, of which the first forecast looks back on 8 and differencing takes 6.
        let fitted = try done(forecastSpec(holdout: 0), .series(seasonalSeries())).report
        #expect(fitted.precision?.part == .training && fitted.precision?.count == 80 - 14)
        for report in [held, judged, fitted] {
            let scores = try #require(report.precision)
            let all = [scores.float32, scores.bfloat16, scores.int8].map { $0.horizon?.rmse ?? .infinity }
            #expect(all.allSatisfy { $0.isFinite } && Set(all).count == 3)
            // Fewer bits move an answer by a little.
            for rmse in all { #expect(abs(rmse / all[0] - 1) < 0.2) }
        }
    }

    @Test("the scores of a precision are those of a predictor in it")
    func forecaster() throws {
        let table = seasonalSeries()
        let (model, report) = try done(forecastSpec(), .series(table))
        for (precision, scores) in [(Precision.bfloat16, report.precision?.bfloat16), (.int8, report.precision?.int8)] {
            let predictor = Predictor(model, precision: precision, kernels: KernelSet())
            var keeper = ScoreKeeper()
            for row in 68..<80 {
                let history = RawSequences(values: Array(table.columns[0][..<row]), lengths: [row], width: 1)
                let forecast = try predictor.forecast(from: history, horizon: 1)[0][0]
                keeper.add(forecast: forecast, truth: table.columns[0][row])
            }
            #expect(scores?.oneStep?.rmse == keeper.scores(scale: 1).rmse)
        }
    }

    @Test("a classifier is scored on the validation part, else on the training part")
    func classifier() throws {
        let set = signSequences(80)
        let judged = try done(classifySpec(validated), .sequences(set)).report
        #expect(judged.precision?.part == .validation && judged.precision?.count == 16)
        #expect(judged.precision?.float32.accuracy == judged.classification?.validationAccuracy)
        #expect(judged.precision?.float32.loss.map { abs($0 - (judged.validationLoss ?? 0)) < 1e-6 } == true)

        let (model, report) = try done(classifySpec(), .sequences(set))
        #expect(report.precision?.part == .training && report.precision?.count == 80)
        #expect(report.precision?.float32.accuracy == report.classification?.trainAccuracy)
        let input = RawSequences(values: set.values, lengths: set.lengths, width: 2)
        for (precision, scores) in [(Precision.bfloat16, report.precision?.bfloat16), (.int8, report.precision?.int8)] {
            let answers = try Predictor(model, precision: precision, kernels: KernelSet()).classify(input)
            let right = zip(answers, set.labels).filter { ($0[0] > $0[1] ? "down" : "up") == $1 }.count
            #expect(scores?.accuracy == Double(right) / 80)
            #expect((scores?.loss ?? 0) > 0 && scores?.loss != report.precision?.float32.loss)
        }
    }

    @Test("what is trained in bfloat16 is judged as it answers, in float32")
    func trainedInBFloat16() throws {
        var spec = classifySpec(validated)
        spec.training.precision = .bfloat16
        let set = signSequences(80)
        let (model, report) = try done(spec, .sequences(set))
        let answers = try Predictor(model, kernels: KernelSet())
            .classify(RawSequences(values: set.values, lengths: set.lengths, width: 2))
        let trainer = try Trainer(spec, .sequences(set), datasetDigest: "d")
        let right = trainer.examples.training.filter {
            (answers[$0][0] > answers[$0][1] ? "down" : "up") == set.labels[$0]
        }
        #expect(report.classification?.trainAccuracy == Double(right.count) / Double(trainer.examples.training.count))
    }

    @Test("a report is told the same again once it was read, in 32-bit numbers; scores that are no numbers become null")
    func coding() throws {
        let report = try done(forecastSpec(), .series(seasonalSeries())).report
        let told = try Formats.encode(report)
        let read: TrainingReport = try Formats.decode(told)
        #expect(try Formats.encode(read) == told)
        let (exact, found) = (try #require(report.holdout?.horizon.rmse), try #require(read.holdout?.horizon.rmse))
        #expect(found != exact && Float(found) == Float(exact) && "\(found)".count <= "\(Float(exact))".count)
        let runaway = PrecisionScores(
            oneStep: Scores(rmse: .infinity, mae: .infinity, mase: nil, smape: nil),
            horizon: Scores(rmse: 1, mae: 1, mase: nil, smape: nil))
        let document = try JSON.parse(try Formats.encode(runaway))
        #expect(document["one_step"]?["rmse"] == .null && document["horizon"]?["rmse"] == 1)
        #expect(try Formats.encode(PrecisionScores(accuracy: 0.5, loss: .nan)) == #"{"accuracy":0.5}"#)
    }

    @Test("training in bfloat16 takes less memory and is learnt from the specification's word")
    func specification() throws {
        var spec = forecastSpec()
        let exact = try Estimate(TrainingPlan(CheckedSpec(spec), .series(seasonalSeries())))
        spec.training.precision = .bfloat16
        let reduced = try Estimate(TrainingPlan(CheckedSpec(spec), .series(seasonalSeries())))
        // W and U, as they are and transposed, at two bytes a weight less: 4 gates, 7 and 5 units, one input.
        let weights = 4 * (7 * (1 + 7) + 5 * (7 + 5))
        #expect(exact.memoryBytes - reduced.memoryBytes == 2 * 2 * weights)
        #expect(exact.parameters == reduced.parameters)
        let text = Formats.encode(spec)
        #expect(text.contains(#""precision":"bfloat16""#))
        let back: TrainingSpec = try Formats.decode(text)
        #expect(back == spec)
        // Specifications from before know no precision.
        let old: TrainingSpec = try Formats.decode(text.replacing(#","precision":"bfloat16""#, with: ""))
        #expect(old.training.precision == .float32)
    }
}
