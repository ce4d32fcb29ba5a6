import Kernels

// The one walk over time of inference: whole sequences in chunks of steps, and single steps of live streams.

/// One layer of a network that answers.
struct InferenceStage: Sendable {
    let forward: any InferenceLayer
    /// The direction that reads from the end, where there is one.
    let reverse: (any InferenceLayer)?
    let isResidual: Bool
    /// Numbers of a row that one direction gives.
    let width: Int

    init(_ description: NetworkDescription, _ layer: Int, _ sites: [LayerSite]) {
        let own = description.layers[layer]
        forward = own.definition.inference(sites[0])
        reverse = sites.count > 1 ? own.definition.inference(sites[1]) : nil
        isResidual = own.residual
        width = own.definition.outputs
    }

    /// Of a row that it gives.
    var outputs: Int { reverse == nil ? width : 2 * width }

    var byteCount: Int { forward.byteCount + (reverse?.byteCount ?? 0) }

    func load(_ values: UnsafePointer<Float>) {
        forward.load(values)
        reverse?.load(values)
    }
}

extension InferenceNetwork {
    /// Runs all layers over some steps; the states move on. Of a network that streams.
    ///
    /// - Parameters:
    ///   - states: of the rows of the first step; each later step has the first of them.
    ///   - active: rows of each step.
    ///   - rows: of all steps, which lie step after step.
    /// - Returns: what the top layer gave, packed, in a buffer that is free from here on.
    func advance(
        _ workspace: InferenceWorkspace, _ states: StateRows, _ x: LayerInput,
        active: Slice<UnsafeBufferPointer<Int>>, rows: Int
    ) -> MutableRows {
        // Only a row by itself reads every weight once; more take them from the cache again anyway.
        let isBackwards = rows == 1 && workspace.takesTurn()
        let chunk = workspace.chunk(states, active, rows: rows, isBackwards: isBackwards)
        var input = x
        var top = MutableRows(workspace.lower.base, count: rows, width: 0)
        for (index, stage) in stages.enumerated() {
            let output = index % 2 == 0 ? workspace.lower.base : workspace.upper.base
            top = MutableRows(output, count: rows, width: stage.width)
            stage.forward.advance(chunk, input, into: top)
            if stage.isResidual { kernels.add(input, to: top) }
            input = .rows(top.rows)
        }
        return top
    }
}

extension KernelSet {
    /// target += x
    func add(_ x: LayerInput, to target: MutableRows) {
        switch x {
        case .rows(let rows): add(rows, to: target)
        case .scattered:
            for row in 0..<target.count {
                add(Rows(x.row(row), count: 1, width: target.width), to: target.rows(row..<row + 1))
            }
        }
    }
}
