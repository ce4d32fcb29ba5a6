import Kernels
import Networks
import TestSupport
import Testing

@Suite("Initialization")
struct InitializationTests {
    private let network = NetworkDescription(
        inputs: 5,
        layers: [LayerDescription(cell: .lstm(), hidden: 12), LayerDescription(cell: .gru(.after), hidden: 7)],
        outputs: 2)

    private func parameters(_ rule: Initialization, seed: UInt64 = 1) -> Parameters {
        Parameters(network, rule, seed: seed)
    }

    /// V·Vᵀ of vectors of `length`, one after the other.
    private func isOrthonormal(_ vectors: ArraySlice<Float>, length: Int) -> Bool {
        let vectors = Array(vectors)
        let count = vectors.count / length
        for i in 0..<count {
            for j in 0..<count {
                let dot = (0..<length).reduce(0.0) {
                    $0 + Double(vectors[i * length + $1]) * Double(vectors[j * length + $1])
                }
                if abs(dot - (i == j ? 1 : 0)) > 1e-5 { return false }
            }
        }
        return true
    }

    @Test("orthogonal: every block of a square matrix has orthonormal rows; a tall one orthonormal columns")
    func orthogonal() {
        let start = parameters(Initialization(input: .orthogonal, recurrent: .orthogonal))
        let recurrent = start["layers.0.weight_hh"]!
        for block in 0..<4 { #expect(isOrthonormal(recurrent[block * 144..<(block + 1) * 144], length: 12)) }
        #expect(recurrent[0..<144] != recurrent[144..<288])
        let tall = start["layers.0.weight_ih"]![0..<60]
        let columns = (0..<5).flatMap { column in (0..<12).map { tall[$0 * 5 + column] } }
        #expect(isOrthonormal(columns[...], length: 12))
    }

    @Test("Glorot and uniform fill their ranges and do not leave them")
    func ranges() {
        let glorot = parameters(Initialization(input: .glorot, recurrent: .glorot))["layers.0.weight_hh"]!
        let limit = Float((6.0 / 24).squareRoot())
        #expect(glorot.allSatisfy { abs($0) <= limit } && glorot.contains { abs($0) > 0.95 * limit })
        let start = parameters(Initialization(input: .uniform, recurrent: .uniform))
        for name in ["layers.0.weight_ih", "layers.0.weight_hh", "layers.0.bias_ih", "layers.0.bias_hh"] {
            let values = start[name]!
            let bound = Float(1 / 12.0.squareRoot())
            #expect(values.allSatisfy { abs($0) <= bound } && values.contains { abs($0) > 0.8 * bound }, "\(name)")
        }
    }

    @Test("identity: ones on the diagonal of each block, zeros elsewhere")
    func identity() {
        let recurrent = parameters(Initialization(recurrent: .identity))["layers.1.weight_hh"]!
        for (index, value) in recurrent.enumerated() { #expect(value == (index / 7 % 7 == index % 7 ? 1 : 0)) }
    }

    @Test("the forget bias is added to the forget gate alone, and only of an LSTM")
    func forgetBias() {
        let without = parameters(Initialization(forgetBias: 0))
        let with = parameters(Initialization(forgetBias: 1.5))
        let changed = with.values.indices.filter { with.values[$0] != without.values[$0] }
        let bias = with.layout.tensor("layers.0.bias_ih")!.range.lowerBound
        #expect(changed == Array(bias + 12..<bias + 24))
        #expect(changed.allSatisfy { abs(with.values[$0] - without.values[$0] - 1.5) < 1e-6 })
        #expect(parameters(Initialization(recurrent: .orthogonal))["layers.1.bias_hh"]!.allSatisfy { $0 == 0 })
    }

    @Test("the same seed gives the same start, another seed another", arguments: Initialization.Matrix.allCases)
    func seeds(matrix: Initialization.Matrix) {
        let rule = Initialization(input: matrix, recurrent: matrix)
        #expect(parameters(rule) == parameters(rule))
        #expect(parameters(rule).values != parameters(rule, seed: 2).values)
    }
}
