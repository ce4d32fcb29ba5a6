import Kernels
import Models
import Networks
import TestSupport
import Testing

@testable import Training

/// The gradient through windows of streams: where it goes back to, and what it holds still.
@Suite("Gradients through windows")
struct StreamGradientTests {
    @Test("losses and gradients of truncated windows are those of the reference")
    func reference() throws {
        let reference = try SafetensorsCase("tbptt_lstm_k4_k4")
        let (x, due) = (try reference.floats("const/x"), try reference.floats("const/target"))
        let (shape, targets) = (try reference.shape("const/x"), try reference.shape("const/target")[2])
        // An answer is the beginning of the row after: rows hold it beside what the network reads, with weights of 0.
        let (steps, width) = (shape[0], shape[2] + targets)
        var rows: [Float] = []
        for stream in 0..<shape[1] {
            for step in 0...steps {
                if step == 0 {
                    rows += [0, 0]
                } else {
                    let place = ((step - 1) * shape[1] + stream) * targets
                    rows += due[place..<place + targets]
                }
                if step == steps {
                    rows += [0, 0, 0]
                } else {
                    let place = (step * shape[1] + stream) * shape[2]
                    rows += x[place..<place + shape[2]]
                }
            }
        }
        let examples = Examples(
            rows: rows, width: width, places: (0..<shape[1]).map { ($0 * (steps + 1), steps) },
            answers: .nextRow(targets: targets), place: .everyRow, training: Array(0..<shape[1]), validation: [])
        let hidden = try reference.shape("param/rnn.weight_hh_l0")[1]
        let network = NetworkDescription(
            inputs: width, layers: [LayerDescription(cell: .lstm(), hidden: hidden)], outputs: targets,
            readout: .everyStep)
        var parameters = Parameters(layout: ParameterLayout(network))
        let names = [
            "rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "rnn.bias_hh_l0", "head.weight", "head.bias",
        ]
        func padded(_ values: [Float], _ name: String) -> [Float] {
            guard name == names[0] else { return values }
            return stride(from: 0, to: values.count, by: shape[2]).flatMap { [0, 0] + values[$0..<$0 + shape[2]] }
        }
        for (tensor, name) in zip(parameters.layout.tensors, names) {
            parameters.values.replaceSubrange(tensor.range, with: padded(try reference.floats("param/\(name)"), name))
        }
        let plan = StreamPlan(examples.parts(examples.training), steps: 4, reach: 4, streams: shape[1], cuts: false)
        let (losses, gradient) = gradients(examples, network, parameters.values, plan)
        let expected = try reference.doubles("f64/out/window_losses")
        #expect(losses.count == expected.count)
        for (found, expected) in zip(losses, expected) { #expect(abs(found - expected) < 1e-6) }
        let bound = max(10 * (reference.frameworkError("gradients") ?? 0), 1e-6)
        for (tensor, name) in zip(parameters.layout.tensors, names) {
            let found = Array(gradient[tensor.range])
            let expected = padded(try reference.doubles("f64/grad/\(name)").map(Float.init), name)
            let isInput = name == names[0]
            for (index, (found, expected)) in zip(found, expected).enumerated()
            where !isInput || index % width >= targets {
                #expect(abs(found - expected) < Float(bound), "\(name)")
            }
        }
    }

    @Test(
        "windows whose gradients go back to the beginning give together the gradient of the whole, in every cell",
        arguments: Cell.all)
    func wholeGradient(cell: Cell) {
        let (examples, network, parameters) = drawn(cell)
        let parts = examples.parts(examples.training)
        let whole = StreamPlan(parts, steps: 20, reach: 20, streams: 3, cuts: false)
        let windows = StreamPlan(parts, steps: 3, reach: 20, streams: 3, cuts: false)
        // A window's loss is the mean of its own answers: weighed by them, the windows add up to the whole.
        let expected = gradients(examples, network, parameters, whole, weighed: true).gradient
        let found = gradients(examples, network, parameters, windows, weighed: true).gradient
        let greatest = expected.map(abs).max() ?? 0
        #expect(greatest > 0.1)
        for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-5 * max(greatest, 1)) }
        let truncated = StreamPlan(parts, steps: 3, reach: 3, streams: 3, cuts: false)
        let cut = gradients(examples, network, parameters, truncated, weighed: true).gradient
        #expect(zip(cut, expected).contains { abs($0 - $1) > 1e-3 * greatest })
    }

    @Test("the gradient of a window is the slope of its loss, with what was carried held still", arguments: Cell.all)
    func slope(cell: Cell) {
        let (examples, network, parameters) = drawn(cell)
        let plan = StreamPlan(examples.parts(examples.training), steps: 2, reach: 5, streams: 3, cuts: false)
        let kernels = KernelSet()
        let trained = TrainingNetwork(network, kernels: kernels)
        var states = [NetworkState](repeating: NetworkState(zeroFor: StateLayout(network)), count: 3)
        for lane in states.indices {
            states[lane].values = draws(states[lane].values.count, seed: UInt64(lane)).map { $0 * 0.5 }
        }
        let windows = plan.windows(plan.epoch(), step: 3)
        #expect(windows.allSatisfy { $0.known == 3 } && !windows.isEmpty)
        let batch = ExampleBatch()
        func loss(_ parameters: [Float], _ gradient: inout [Float]) -> Double {
            trained.load(parameters)
            batch.fill(examples, windows, rowWidth: network.rowWidth)
            let x = Rows(batch.x.withUnsafeBufferPointer { $0.baseAddress! }, count: batch.batch.rows, width: 2)
            let outputs = trained.forward(batch.batch, x: x, states: windows.map { states[$0.lane] })
            var losses: [Float] = []
            let loss = batch.answers.meanLoss(
                outputs, without: batch.known, losses: &losses, gradient: outputs, kernels: kernels)
            gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
            return loss
        }
        var gradient = [Float](repeating: 0, count: parameters.count)
        _ = loss(parameters, &gradient)
        var ignored = gradient
        func slope(_ index: Int, over step: Float) -> Double {
            var (up, down) = (parameters, parameters)
            up[index] += step
            down[index] -= step
            return (loss(up, &ignored) - loss(down, &ignored)) / Double(2 * step)
        }
        var kinks = 0
        for index in stride(from: 0, to: parameters.count, by: 5) {
            let found = slope(index, over: 5e-3)
            // A unit of a rectifier that turns on or off in between has no slope there.
            guard abs(slope(index, over: 2e-3) - found) < 1e-3 * max(1, abs(found)) else {
                kinks += 1
                continue
            }
            #expect(abs(Double(gradient[index]) - found) < 1e-3 * max(1, abs(found)), "parameter \(index)")
        }
        #expect(kinks <= 2)
    }

    @Test("window by window the outputs have the bits of the whole sequence", arguments: Cell.all)
    func carried(cell: Cell) {
        let (examples, network, parameters) = drawn(cell, delays: true)
        let parts = examples.parts(examples.training)
        let whole = outputs(
            examples, network, parameters, StreamPlan(parts, steps: 20, reach: 20, streams: 3, cuts: false))
        for (steps, reach) in [(1, 1), (4, 4), (3, 7)] {
            let plan = StreamPlan(parts, steps: steps, reach: reach, streams: 3, cuts: false)
            #expect(outputs(examples, network, parameters, plan) == whole)
        }
    }

    // MARK: - Support

    /// Three sequences of numbers, two of a row being the answer of the row before.
    private func drawn(_ cell: Cell, delays: Bool = false) -> (Examples, NetworkDescription, [Float]) {
        let lengths = [14, 9, 11]
        var places: [(start: Int, length: Int)] = []
        var end = 0
        for length in lengths {
            places.append((end, length))
            end += length + 1
        }
        let examples = Examples(
            rows: draws(end * 2, seed: 4), width: 2, places: places, answers: .nextRow(targets: 2), place: .everyRow,
            training: [0, 1, 2], validation: [])
        let network = NetworkDescription(
            inputs: 2,
            layers: (delays ? [.timeDelay(3, taps: 3)] : []) + [LayerDescription(cell: cell, hidden: delays ? 5 : 4)],
            outputs: 2, readout: .everyStep)
        let count = ParameterLayout(network).count
        return (examples, network, draws(count, seed: 8).map { $0 * 0.7 })
    }

    /// Losses of an epoch's windows, and the sum of their gradients, with the parameters as they are.
    private func gradients(
        _ examples: Examples, _ network: NetworkDescription, _ parameters: [Float], _ plan: StreamPlan,
        weighed: Bool = false
    ) -> (losses: [Double], gradient: [Float]) {
        let kernels = KernelSet()
        var losses: [Double] = []
        var sum = [Float](repeating: 0, count: parameters.count)
        eachWindow(examples, network, parameters, plan) { trained, batch, outputs, _ in
            var rowLosses: [Float] = []
            var gradient = [Float](repeating: 0, count: sum.count)
            losses.append(
                batch.answers.meanLoss(
                    outputs, without: batch.known, losses: &rowLosses, gradient: outputs, kernels: kernels))
            gradient.withUnsafeMutableBufferPointer { trained.backward(outputs.rows, into: $0.baseAddress!) }
            for index in sum.indices { sum[index] += gradient[index] * (weighed ? Float(batch.weight) : 1) }
        }
        return (losses, sum)
    }

    /// Bits of the outputs of the rows that count, by row.
    private func outputs(
        _ examples: Examples, _ network: NetworkDescription, _ parameters: [Float], _ plan: StreamPlan
    ) -> [Int: [UInt32]] {
        var found: [Int: [UInt32]] = [:]
        eachWindow(examples, network, parameters, plan) { _, batch, outputs, windows in
            for step in 0..<batch.batch.steps {
                for row in 0..<batch.batch.active[step] {
                    let (window, packed) = (windows[batch.batch.order[row]], batch.batch.offsets[step] + row)
                    guard step >= window.known else { continue }
                    found[window.start + step] = (0..<outputs.width).map {
                        outputs.base[packed * outputs.stride + $0].bitPattern
                    }
                }
            }
        }
        return found
    }

    private func eachWindow(
        _ examples: Examples, _ network: NetworkDescription, _ parameters: [Float], _ plan: StreamPlan,
        _ body: (TrainingNetwork, ExampleBatch, MutableRows, [StreamPlan.Window]) -> Void
    ) {
        let trained = TrainingNetwork(network, kernels: KernelSet())
        trained.load(parameters)
        let streams = StreamTraining(plan, OptimizationSpec { $0.shuffle = false }, trained)
        let batch = ExampleBatch()
        for step in 0..<plan.stepsPerEpoch {
            let windows = streams.windows(step: step)
            batch.fill(examples, windows, rowWidth: network.rowWidth)
            batch.x.withUnsafeBufferPointer { x in
                let rows = Rows(x.baseAddress!, count: batch.batch.rows, width: network.rowWidth)
                let outputs = trained.forward(batch.batch, x: rows, states: streams.states(windows))
                streams.carry(trained, windows)
                body(trained, batch, outputs, windows)
            }
        }
    }
}
