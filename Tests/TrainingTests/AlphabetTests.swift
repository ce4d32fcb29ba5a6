import Models
import NamedFields
import Networks
import TestSupport
import Testing

@testable import Training

/// Which tokens a model knows.
@Suite("Alphabets")
struct AlphabetTests {
    private func fitted(_ spec: TokenInputs, _ text: String, lengths: [Int], training: [Int]) -> [String] {
        let tokens = TextColumn(Alphabet.Split.words.symbols(of: text))
        return spec.alphabet(of: tokens, lengths: lengths, training: training).symbols
    }

    @Test("texts are cut at white space or into what people see as characters")
    func split() {
        #expect(Alphabet.Split.words.symbols(of: " The\tdog \n barks.") == ["The", "dog", "barks."])
        #expect(Alphabet.Split.words.symbols(of: " \n") == [])
        #expect(Alphabet.Split.characters.symbols(of: "aé👨‍👩‍👧‍👦 ").count == 4)
    }

    @Test(
        "the symbols of the training part come in the order of their appearance, and number 0 is whatever else there is"
    )
    func order() {
        let alphabet = Alphabet(
            fitted(TokenInputs(), "b a z z a c", lengths: [2, 2, 2], training: [0, 2]), split: .words)
        #expect(alphabet.symbols == ["b", "a", "c"] && alphabet.count == 4)
        #expect(["b", "a", "c", "z", "B", ""].map { alphabet.number(of: $0) } == [1, 2, 3, 0, 0, 0])
    }

    @Test("rare tokens, those that are too long to be kept, and those that are not given are unknown")
    func unknown() {
        var spec = TokenInputs()
        spec.minCount = 2
        #expect(fitted(spec, "a b a c b a", lengths: [6], training: [0]) == ["a", "b"])
        let long = String(repeating: "x", count: ModelLimit.nameBytes + 1)
        #expect(fitted(TokenInputs(), "a \(long) b", lengths: [3], training: [0]) == ["a", "b"])
        spec.symbols = ["q", "a"]
        #expect(fitted(spec, "a b", lengths: [2], training: [0]) == ["q", "a"])
    }

    @Test("of more tokens than an alphabet may have the most frequent are kept, in the order of their appearance")
    func limit() {
        let count = ModelLimit.alphabet + 3
        let tokens = TextColumn(["rare", "rarer"] + (0..<count).flatMap { ["\($0)", "\($0)"] })
        let found = TokenInputs().alphabet(of: tokens, lengths: [tokens.count], training: [0]).symbols
        #expect(found.count == ModelLimit.alphabet)
        #expect(found.first == "0" && found.last == "\(ModelLimit.alphabet - 1)")
    }

    @Test(
        "tokens that are unknown in the training part teach their row of an embedding, and where there are none it stays"
    )
    func unknownIsTrained() throws {
        func start(_ minCount: Int) throws -> [Float] {
            var inputs = TokenInputs()
            inputs.minCount = minCount
            let spec = TrainingSpec(
                task: .label(LabelTask { $0.inputs = .tokens(inputs) }),
                network: NetworkSpec(layers: [.embedding(3), LayerSpec(cell: .gru(.after), hidden: 4)]),
                training: OptimizationSpec(epochs: 3))
            let set = LabelledSequences(
                rows: .tokens(TextColumn(["a", "b", "a", "c"])), lengths: [2, 2],
                labels: TextColumn(["x", "y", "x", "y"]))
            let trainer = try Trainer(spec, .labelled(set), datasetDigest: "")
            try trainer.run()
            return Array(try trainer.finish().model.parameters.values.prefix(3))
        }
        #expect(try start(1) == [0, 0, 0])
        #expect(try start(2).contains { $0 != 0 })
    }
}
