import Foundation
import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// An answer at every step: what is learnt, how it is counted, and what the model keeps of it.
@Suite("Labels at every step")
struct LabelTests {
    /// Rows of one bit; the label of a row is the parity of the bits so far.
    static func parity(_ count: Int = 60, seed: UInt64) -> LabelledSequences {
        var generator = SeededGenerator(seed)
        var (values, lengths): ([Double], [Int]) = ([], [])
        var labels = TextColumn()
        for _ in 0..<count {
            let length = Int.random(in: 1...8, using: &generator)
            var sum = 0
            for _ in 0..<length {
                let bit = Int.random(in: 0...1, using: &generator)
                sum += bit
                values.append(Double(bit))
                labels.append(sum % 2 == 0 ? "even" : "odd")
            }
            lengths.append(length)
        }
        return LabelledSequences(rows: .numbers(values, features: ["bit"]), lengths: lengths, labels: labels)
    }

    /// The same bits as tokens, and as flags that say which of the last two bits were set.
    static func flags(_ count: Int = 60, seed: UInt64) -> LabelledSequences {
        let bits = parity(count, seed: seed)
        guard case .numbers(let values, _) = bits.rows else { preconditionFailure("numbers") }
        var (labels, counts) = (TextColumn(), [Int]())
        var row = 0
        for length in bits.lengths {
            for step in 0..<length {
                var own: [String] = []
                if values[row] == 1 { own.append("now") }
                if step > 0, values[row - 1] == 1 { own.append("before") }
                for flag in own { labels.append(flag) }
                counts.append(own.count)
                row += 1
            }
        }
        return LabelledSequences(
            rows: .tokens(TextColumn(values.map { $0 == 1 ? "one" : "zero" })), lengths: bits.lengths, labels: labels,
            labelCounts: counts)
    }

    static func spec(_ training: OptimizationSpec, _ change: (inout LabelTask) -> Void = { _ in }) -> TrainingSpec {
        TrainingSpec(
            task: .label(LabelTask(change)), network: NetworkSpec(layers: [LayerSpec(cell: .lstm(), hidden: 10)]),
            training: training)
    }

    static let thorough = OptimizationSpec(
        epochs: 150, batchSize: 16, optimizer: OptimizerSpec(.adam, learningRate: 0.02),
        validation: .init(fraction: 0.2))

    @Test("an LSTM learns the parity of the bits so far, whatever the seed", arguments: [UInt64(1), 2, 3])
    func learnsParity(seed: UInt64) throws {
        var training = Self.thorough
        training.seed = seed
        let trainer = try Trainer(Self.spec(training), .labelled(Self.parity(seed: seed)), datasetDigest: "")
        try trainer.run()
        let report = try #require(try trainer.finish().report.classification)
        #expect(report.trainAccuracy == 1 && report.validationAccuracy == 1)
        #expect(report.labels == 2 && report.majorityAccuracy < 0.65)
    }

    @Test("flags of tokens are learnt, each for itself", arguments: [UInt64(1), 2, 3])
    func learnsFlags(seed: UInt64) throws {
        var training = Self.thorough
        training.seed = seed
        let set = Self.flags(seed: seed)
        let spec = Self.spec(training) { ($0.inputs, $0.answers) = (.tokens(TokenInputs()), .flags) }
        let trainer = try Trainer(spec, .labelled(set), datasetDigest: "")
        try trainer.run()
        let done = try trainer.finish()
        #expect(done.report.classification?.validationAccuracy == 1)
        #expect((done.report.validationLoss ?? 1) < 0.1)
        let predictor = Predictor(try ModelFile.decode(ModelFile.encode(done.model)), kernels: KernelSet())
        // zero, one, one, zero: each flag follows its own bit.
        let alphabet = try #require(done.model.alphabet)
        let tokens = ["zero", "one", "one", "zero"].map { Double(alphabet.number(of: $0)) }
        let answers = try predictor.answers(RawSequences(values: tokens, lengths: [4], width: 1))
        let sets = answers[0].map { answer -> [Bool] in
            if case .flags(let found) = answer { found.map { $0 > 0.5 } } else { [] }
        }
        #expect(done.model.outputNames == ["before", "now"])
        #expect(sets == [[false, false], [false, true], [true, true], [true, false]])
    }

    @Test("the loss is the mean over all steps of the batch, of labels and of flags")
    func losses() throws {
        for isFlags in [false, true] {
            let set = isFlags ? Self.flags(9, seed: 4) : Self.parity(9, seed: 4)
            let training = OptimizationSpec(epochs: 1, batchSize: 100, shuffle: false)
            let spec = Self.spec(training) {
                if isFlags { ($0.inputs, $0.answers) = (.tokens(TokenInputs()), .flags) }
            }
            let trainer = try Trainer(spec, .labelled(set), datasetDigest: "")
            let examples = trainer.examples
            let network = InferenceNetwork(
                trainer.description,
                Parameters(layout: ParameterLayout(trainer.description), values: trainer.parameters),
                kernels: KernelSet())
            var x: [Float] = []
            for row in 0..<set.lengths.reduce(0, +) {
                examples.append(row: row, rowWidth: network.description.rowWidth, to: &x)
            }
            let outputs = network.run(x, lengths: set.lengths, answer: .everyStep).map(Double.init)
            var sum = 0.0
            for row in 0..<outputs.count / 2 {
                let z = Array(outputs[row * 2..<row * 2 + 2])
                switch examples.answers {
                case .labels(let labels): sum += log(exp(z[0]) + exp(z[1])) - z[Int(labels[row])]
                case .flags(let sets):
                    for flag in 0..<2 {
                        let probability = 1 / (1 + exp(-z[flag]))
                        sum -= log(sets[row].contains(Int32(flag)) ? probability : 1 - probability)
                    }
                case .nextRow: Issue.record("no numbers are asked for")
                }
            }
            let loss = try trainer.advance().loss
            #expect(abs(loss - sum / Double(outputs.count / 2)) < 1e-6)
        }
    }

    @Test("a ragged batch of the reference case has the loss of the reference: labels stand in the rows of their steps")
    func referenceLoss() throws {
        let reference = try SafetensorsCase("task_tagging_bilstm")
        let lengths = try reference.ints("const/lengths")
        let shape = try reference.shape("f64/out/log_probabilities")
        // (time, batch, …) as sequence after sequence, without the padding.
        func ragged<Number>(_ values: [Number], width: Int) -> [Number] {
            lengths.enumerated().flatMap { sequence, length in
                (0..<length).flatMap { step -> ArraySlice<Number> in
                    let first = (step * shape[1] + sequence) * width
                    return values[first..<first + width]
                }
            }
        }
        var start = 0
        let places = lengths.map { length in
            defer { start += length }
            return (start: start, length: length)
        }
        let examples = Examples(
            rows: ragged(try reference.ints("const/ids"), width: 1).map { Float($0) }, width: 1, places: places,
            answers: .labels(ragged(try reference.ints("const/tags"), width: 1).map { Int32($0) }), place: .everyRow,
            training: Array(lengths.indices), validation: [])
        let batch = ExampleBatch()
        batch.fill(examples, examples.training[...], rowWidth: 1, at: .everyRow)
        // The logarithms of the probabilities are outputs that have these probabilities.
        var outputs = ragged(try reference.doubles("f64/out/log_probabilities"), width: shape[2]).map { Float($0) }
        var packed = outputs
        batch.batch.pack(outputs, width: shape[2], into: &packed)
        outputs = packed
        var losses: [Float] = []
        let loss = outputs.withUnsafeMutableBufferPointer { outputs in
            let rows = MutableRows(outputs.baseAddress!, count: batch.batch.rows, width: shape[2])
            return batch.answers.meanLoss(rows, losses: &losses, gradient: rows, kernels: KernelSet())
        }
        #expect(abs(loss - (try #require(reference.doubles("f64/loss").first))) < 1e-6)
        #expect(batch.weight == lengths.reduce(0, +))
    }

    @Test("losses and accuracies of an epoch weigh every step alike, however its sequences are batched")
    func weights() throws {
        let set = Self.parity(30, seed: 5)
        func trainer(_ batchSize: Int) throws -> Trainer {
            try Trainer(
                Self.spec(OptimizationSpec(epochs: 1, batchSize: batchSize, validation: .init(fraction: 0.3), seed: 6)),
                .labelled(set), datasetDigest: "")
        }
        let (one, all) = (try trainer(1), try trainer(100))
        let (some, whole) = (one.evaluate(one.examples.validation), all.evaluate(all.examples.validation))
        #expect(abs(some.loss - whole.loss) < 1e-6 && some.accuracy == whole.accuracy)
        let rows = one.examples.rowCount(one.examples.validation)
        #expect(one.examples.validation.count == 9 && one.examples.weight(one.examples.validation) == rows)
        let scored = one.kernels.scores(
            InferenceNetwork(
                one.description, Parameters(layout: ParameterLayout(one.description), values: one.parameters),
                kernels: one.kernels), one.examples, one.examples.validation)
        #expect(abs(scored.loss - whole.loss) < 1e-6 && scored.accuracy == whole.accuracy)
    }

    @Test("a run that is put on ice and resumed gives the bytes of one that was not")
    func resumes() throws {
        let training = OptimizationSpec(epochs: 4, batchSize: 7, validation: .init(fraction: 0.2), seed: 3)
        let spec = Self.spec(training) { ($0.inputs, $0.answers) = (.tokens(TokenInputs()), .flags) }
        let data = TrainingData.labelled(Self.flags(30, seed: 7))
        let whole = try Trainer(spec, data, datasetDigest: "d")
        try whole.run()
        let first = try Trainer(spec, data, datasetDigest: "d")
        for _ in 0..<6 { _ = try first.advance() }
        let second = try Trainer(spec, data, datasetDigest: "d", resuming: first.checkpoint())
        try second.run()
        #expect(try ModelFile.encode(second.finish().model) == ModelFile.encode(whole.finish().model))
    }

    @Test("steps one by one have the bits of the sequence, of numbers, of differences and of tokens")
    func streams() throws {
        for kind in 0..<3 {
            let set = kind == 2 ? Self.flags(20, seed: 8) : Self.parity(20, seed: 8)
            let spec = Self.spec(OptimizationSpec(epochs: 1)) {
                if kind == 1 { $0.inputs = .numbers(NumberInputs(transform: [.difference])) }
                if kind == 2 { ($0.inputs, $0.answers) = (.tokens(TokenInputs()), .flags) }
            }
            let trainer = try Trainer(
                spec, .labelled(kind == 1 ? Self.parity(longerThan: 1, seed: 8) : set), datasetDigest: "")
            try trainer.run()
            let predictor = Predictor(try trainer.finish().model, kernels: KernelSet())
            let values: [Double] = [1, 0, 1, 1, 0, 1]
            let answers = try predictor.answers(RawSequences(values: values + values, lengths: [2, 10], width: 1))
            var state = predictor.zeroState
            let stepped = try (values + values).dropFirst(2).map { value in
                try [value].withUnsafeBufferPointer { row throws(PredictionError) in try predictor.step(&state, row) }
            }
            #expect(answers[1] == stepped && stepped.count == 10)
            #expect((stepped[0] == Answer.pending(have: 1, need: 1)) == (kind == 1))
            let last = try predictor.answers(
                RawSequences(values: Array((values + values).dropFirst(2)), lengths: [10], width: 1), after: .last)
            #expect(last[0, 0] == stepped[9])
        }
    }
}

extension LabelTests {
    static func parity(longerThan least: Int, seed: UInt64) -> LabelledSequences {
        let set = parity(40, seed: seed)
        guard case .numbers(let values, let features) = set.rows else { preconditionFailure("numbers") }
        var (kept, lengths, labels) = ([Double](), [Int](), TextColumn())
        var row = 0
        for length in set.lengths {
            defer { row += length }
            guard length > least else { continue }
            lengths.append(length)
            kept += values[row..<row + length]
            for place in row..<row + length { labels.append(set.labels[place]) }
        }
        return LabelledSequences(rows: .numbers(kept, features: features), lengths: lengths, labels: labels)
    }
}
