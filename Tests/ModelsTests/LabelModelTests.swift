import Kernels
import Testing

@testable import Models
@testable import Networks

/// Models that answer at every step, of numbers and of tokens.
struct LabelModelTests {
    /// Of tokens, by way of an embedding or as one row of as many numbers as there are symbols; or of numbers.
    static let models: [Model] = [true, false].flatMap { isEmbedded in
        [LabelModel.Inputs.tokens(Alphabet(["a", "é", "the"], split: .characters)), .numbers(["u", "v"])].map {
            inputs in
            var rows = InputTransforms(
                columns: [ColumnTransform](repeating: ColumnTransform(steps: []), count: 2), laggedColumns: 2)
            var layers = [LayerDescription(cell: .gru(.after), hidden: 3)]
            var network = NetworkDescription(inputs: 2, layers: layers, outputs: 2)
            if case .tokens = inputs {
                rows = .ofTokens
                network.inputs = 4
                if isEmbedded {
                    layers.insert(.embedding(2), at: 0)
                    network.layers = layers
                }
            }
            return Model(
                task: .label(LabelModel(inputs: inputs, labels: ["x", "y"], answers: isEmbedded ? .flags : .labels)),
                transform: [.standardize].filter { _ in network.inputs == 2 }, inputs: rows, network: network,
                parameters: drawnParameters(network), seed: 4, datasetDigest: "d")
        }
    }

    @Test(
        "an alphabet that repeats a symbol, or is not that of the network, and tokens that are transformed are refused")
    func foreignAlphabets() throws {
        func conflict(_ change: (inout Model) -> Void) -> String? {
            var model = Self.models[2]
            change(&model)
            do { _ = try ModelFile.decode(ModelFile.encode(model)) } catch { return "\(error)" }
            return nil
        }
        func alphabet(_ symbols: [String]) -> ModelTask {
            .label(
                LabelModel(
                    inputs: .tokens(Alphabet(symbols, split: .words)), labels: ["x", "y"], answers: .labels))
        }
        #expect(conflict { _ in } == nil)
        #expect(conflict { $0.task = alphabet(["a", "b", "a"]) }?.contains("two symbols") == true)
        #expect(conflict { $0.task = alphabet(["a", "b"]) }?.contains("for 4 inputs") == true)
        #expect(
            conflict {
                $0.network.layers = [.embedding(2)]
                $0.network.inputs = 1
                $0.parameters = drawnParameters($0.network)
                $0.task = .label(LabelModel(inputs: .numbers(["u"]), labels: ["x", "y"], answers: .labels))
            }?.contains("no alphabet of them") == true)
        let scaled = ColumnTransform(steps: [.scale(offset: 0.5, divisor: 1)])
        #expect(
            conflict { $0.inputs = InputTransforms(columns: [scaled], laggedColumns: 1) }?
                .contains("through transforms") == true)
    }

    @Test("tokens give the same bits one by one, many at once, and in any company, with and without an embedding")
    func tokenBits() throws {
        for model in [Self.models[0], Self.models[2]] {
            let predictor = Predictor(model, kernels: KernelSet())
            let tokens: [Double] = [0, 3, 1, 2, 2, 3, 0, 1]
            let together = try predictor.answers(RawSequences(values: tokens, lengths: [3, 5], width: 1))
            var state = predictor.zeroState
            let stepped = try tokens[3...].map { token in
                try [token].withUnsafeBufferPointer { row throws(PredictionError) in
                    try predictor.step(&state, row)
                }
            }
            #expect(together[1] == stepped)
            var states = [predictor.zeroState, predictor.zeroState]
            let moved = try predictor.advance(
                &states, RawSequences(values: tokens, lengths: [3, 5], width: 1))
            #expect(moved == together && states[1] == state)
        }
    }

    @Test("sequences of symbols are expanded in groups that leave nothing out")
    func groups() {
        for most in [1, 20, 40, 1000] {
            let groups = OneHot.groups(of: [3, 0, 2, 7, 1], width: 10, most: most)
            #expect(groups.flatMap { Array($0.sequences) } == Array(0..<5))
            #expect(groups.flatMap { Array($0.rows) } == Array(0..<13))
            #expect(groups.allSatisfy { $0.sequences.count == 1 || $0.rows.count * 10 <= most })
        }
        #expect(OneHot.expanded([2, 0], width: 3) == [0, 0, 1, 1, 0, 0])
    }
}
