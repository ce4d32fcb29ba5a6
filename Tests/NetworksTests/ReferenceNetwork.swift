import TestSupport

@testable import Networks

/// A stack of layers with a head as plain formulas in Double: what the network is held to.
struct ReferenceNetwork {
    /// Every layer as a function of a whole sequence.
    private let layers: [ReferenceStage]
    private let head: [Double]?
    private let headBias: [Double]
    private let readout: Readout
    private let width: Int

    init(_ network: NetworkDescription, _ parameters: [Double]) {
        let layout = ParameterLayout(network)
        func tensor(_ name: String) -> [Double] { layout.tensor(name).map { Array(parameters[$0.range]) } ?? [] }
        layers = network.layers.enumerated().map { index, layer in
            ReferenceStage(layer, inputs: network.inputs(ofLayer: index)) { tensor("layers.\(index).\($0)") }
        }
        head = network.head == .linear ? tensor("head.weight") : nil
        headBias = tensor("head.bias")
        readout = network.readout
        width = network.topWidth
    }

    /// What the top layer gives at every step.
    func states(_ sequence: [[Double]]) -> [[Double]] { layers.reduce(sequence) { $1.run($0) } }

    /// One output row (last, mean) or one a step, one after the other.
    func run(_ sequence: [[Double]]) -> [Double] {
        let states = states(sequence)
        let read: [[Double]]
        switch readout {
        case .everyStep: read = states
        case .last:
            let last = states.last ?? [Double](repeating: 0, count: width)
            // What reads from the end comes last to the first step.
            let reverse = states.first ?? last
            let turned = layers[layers.count - 1].isBidirectional ? width / 2 : width
            read = [Array(last[..<turned] + reverse[turned...])]
        case .mean:
            read = [
                (0..<width).map { unit in states.reduce(0) { $0 + $1[unit] } / Double(max(states.count, 1)) }
            ]
        }
        return read.flatMap { state -> [Double] in
            guard let head else { return state }
            return headBias.indices.map { output in
                headBias[output] + (0..<width).reduce(0) { $0 + head[output * width + $1] * state[$1] }
            }
        }
    }
}

/// One layer as a plain formula.
private struct ReferenceStage {
    private let forward: ([[Double]]) -> [[Double]]
    private let reverse: (([[Double]]) -> [[Double]])?
    private let isResidual: Bool
    var isBidirectional: Bool { reverse != nil }

    init(_ layer: LayerDescription, inputs: Int, tensor: @escaping (String) -> [Double]) {
        forward = Self.direction(layer.definition, inputs, tensor)
        reverse =
            layer.bidirectional ? Self.direction(layer.definition, inputs) { tensor($0 + "_reverse") } : nil
        isResidual = layer.residual
    }

    func run(_ sequence: [[Double]]) -> [[Double]] {
        var rows = forward(sequence)
        if let reverse { rows = zip(rows, reverse(sequence.reversed()).reversed()).map { $0 + $1 } }
        return isResidual ? zip(rows, sequence).map { zip($0, $1).map(+) } : rows
    }

    private static func direction(
        _ definition: any LayerDefinition, _ inputs: Int, _ tensor: (String) -> [Double]
    ) -> ([[Double]]) -> [[Double]] {
        switch definition {
        case let recurrent as RecurrentDefinition:
            let layer = ReferenceLayer(
                cell: ReferenceCell(recurrent.cell), inputs: inputs, hidden: recurrent.hidden,
                w: tensor("weight_ih"), u: tensor("weight_hh"), b: tensor("bias_ih"), c: tensor("bias_hh"),
                peepholes: tensor("peepholes"))
            guard let projection = recurrent.projection else { return { layer.run($0).outputs } }
            let (weights, bias) = (tensor("weight_hr"), tensor("bias_hr"))
            return { sequence in
                var context = [Double](repeating: 0, count: projection.width)
                var c = [Double](repeating: 0, count: recurrent.hidden)
                return sequence.map { x in
                    let state = layer.step(x, h: context, c: c)
                    c = state.c
                    let given = affine(weights, bias, state.h, ReferenceActivation(projection.activation))
                    context = zip(context, given).map { Double(projection.decay) * $0 + $1 }
                    return given
                }
            }
        case let dense as DenseDefinition:
            let (weights, bias) = (tensor("weight"), tensor("bias"))
            return { $0.map { affine(weights, bias, $0, ReferenceActivation(dense.activation)) } }
        case let delay as TimeDelayDefinition:
            let (weights, bias) = (tensor("weight"), tensor("bias"))
            return { sequence in
                sequence.indices.map { step in
                    let taps = (0..<delay.taps).map { step - (delay.taps - 1 - $0) * delay.dilation }
                    let window = taps.flatMap { $0 < 0 ? [Double](repeating: 0, count: inputs) : sequence[$0] }
                    return affine(weights, bias, window, ReferenceActivation(delay.activation))
                }
            }
        case let embedding as EmbeddingDefinition:
            let table = tensor("weight")
            return { $0.map { Array(table[Int($0[0]) * embedding.width..<(Int($0[0]) + 1) * embedding.width]) } }
        default: return { _ in [] }
        }
    }

    private static func affine(
        _ weights: [Double], _ bias: [Double], _ x: [Double], _ function: ReferenceActivation
    ) -> [Double] {
        (0..<weights.count / x.count).map { row in
            let sum = x.indices.reduce(bias.isEmpty ? 0 : bias[row]) { $0 + weights[row * x.count + $1] * x[$1] }
            return function(sum)
        }
    }
}
