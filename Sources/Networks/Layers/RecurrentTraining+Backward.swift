import Kernels

extension RecurrentTraining {
    func backward(_ batch: RaggedBatch, _ x: Rows, above: Rows?, into gradient: UnsafeMutablePointer<Float>) {
        runBackward(batch, above)
        formGradients(batch, x, into: gradient)
    }

    /// The same of a batch of one step, of which every row's gradient is formed by itself, where the caller says.
    func backwardRows(
        _ batch: RaggedBatch, _ x: Rows, above: Rows?, into gradient: (_ row: Int) -> UnsafeMutablePointer<Float>
    ) {
        precondition(batch.steps == 1, "\(batch.steps) steps")
        runBackward(batch, above)
        for row in 0..<batch.count { formGradients(batch, x, row: row, into: gradient(row)) }
    }

    private func runBackward(_ batch: RaggedBatch, _ above: Rows?) {
        kernels.run(
            BackwardSteps(layer: self, batch: batch, above: above), rows: batch.meanActive,
            cost: batch.rows * weights.hidden * weights.width)
    }

    func inputGradient(_ batch: RaggedBatch, into target: MutableRows) {
        guard let transposes = weights.transposes else { return }
        let dp = places(batch).columns(0..<weights.width)
        kernels.product(dp.rows, transposes.input, start: .zero, into: target)
    }

    /// Its parts are sequences, as forward.
    private struct BackwardSteps: PartedWork {
        let layer: RecurrentTraining
        let batch: RaggedBatch
        let above: Rows?

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                layer.backwardSteps(batch, batch.rows(ofPart: part, of: count), above: above)
            }
        }
    }

    /// dp (and dq) of every step, from the last step to the first, for some rows of the batch.
    private func backwardSteps(_ batch: RaggedBatch, _ range: Range<Int>, above: Rows?) {
        let hidden = weights.hidden
        let (twoPhases, isProjected) = (weights.shape.hasTwoPhases, projection != nil)
        let h = h(batch)
        let c = weights.shape.hasCellState ? c(batch) : nil
        let dp = places(batch).columns(0..<weights.width)
        let dq = lateGradient(batch)
        let carried = slots[0].gradient.rows(count: batch.count, width: weights.fed)
        let dc = c.map { _ in slots[1].gradient.rows(count: batch.count, width: hidden) }
        let dMasked = buffers.dMasked.rows(count: twoPhases ? batch.count : 0, width: hidden)
        let dProjected = buffers.dh.rows(count: isProjected ? batch.count : 0, width: hidden)
        for step in (0..<batch.steps).reversed() {
            let some = range.clamped(to: 0..<batch.active[step])
            if some.isEmpty { continue }
            let rows = batch.offsets[step] + some.lowerBound..<batch.offsets[step] + some.upperBound
            let dFed = carried.rows(some)
            let dh = isProjected ? dProjected.rows(some) : dFed
            if isProjected {
                projectBackward(batch, some, rows, above?.rows(rows), dFed: dFed, into: dh)
            } else if let above {
                kernels.add(above.rows(rows), to: dh)
            }
            let state = h.rows.rows(rows)
            let backward = CellBackward(
                hidden: hidden, dh: dh, dc: dc?.rows(some), saved: saved(batch, rows)?.rows, h: state,
                hPrevious: isProjected ? state : previous(batch, step, some, h, first: slots[0].first.base),
                cPrevious: c.map { previous(batch, step, some, $0, first: slots[1].first.base) },
                peepholes: weights.peepholes, dp: dp.rows(rows), dq: dq?.rows(rows))
            kernels.backwardStep(
                weights, backward, dMasked: twoPhases ? dMasked.rows(some) : nil, dFed: isProjected ? dFed : nil)
        }
    }

    /// The gradient of h through the projection, and what of the context's goes on to the step before.
    private func projectBackward(
        _ batch: RaggedBatch, _ some: Range<Int>, _ rows: Range<Int>, _ above: Rows?, dFed: MutableRows,
        into dh: MutableRows
    ) {
        guard let projection else { return }
        // One step's gradient of the output: that of the context, and that from above.
        let output = buffers.before.rows(count: batch.count, width: weights.fed).rows(some)
        output.copy(dFed.rows)
        if let above { kernels.add(above, to: output) }
        projection.feedBackward(dFed)
        let dr = buffers.dr.rows(count: batch.rows, width: weights.fed).rows(rows)
        let given = buffers.r.rows(count: batch.rows, width: weights.fed).rows(rows)
        projection.product.backward(output, y: given.rows, into: dr)
        projection.product.inputGradient(dr.rows, into: dh)
    }

    /// The gradients of weights and biases, from dp and dq of all steps.
    private func formGradients(_ batch: RaggedBatch, _ x: Rows, into gradient: UnsafeMutablePointer<Float>) {
        let dp = places(batch).columns(0..<weights.width).rows
        let split = weights.earlyWidth
        let late = lateGradient(batch)?.rows ?? dp.columns(split..<weights.width)
        func place(_ tensor: Int) -> UnsafeMutablePointer<Float> { gradient + site.tensors[tensor].lowerBound }
        kernels.weightGradient(dp, x, precision: weights.precision, into: place(0))
        biasGradients(dp, late, into: gradient)
        if weights.shape.peepholes > 0 { peepholeGradients(batch, dp, into: place(4)) }
        let lateWeights = place(1) + split * weights.fed
        recurrentGradient(batch, dp.columns(0..<split), into: place(1))
        if weights.shape.hasTwoPhases {
            let masked = buffers.masked.rows(count: batch.rows, width: weights.hidden)
            kernels.weightGradient(late, masked.rows, precision: weights.precision, into: lateWeights)
        } else if late.width > 0 {
            recurrentGradient(batch, late, into: lateWeights)
        }
        if let projection {
            let dr = buffers.dr.rows(count: batch.rows, width: weights.fed)
            projection.product.formGradients(dr.rows, h(batch).rows, into: gradient)
        }
    }

    private func biasGradients(_ dp: Rows, _ late: Rows, into gradient: UnsafeMutablePointer<Float>) {
        let split = weights.earlyWidth
        let inputBias = gradient + site.tensors[2].lowerBound
        let recurrentBias = gradient + site.tensors[3].lowerBound
        let shared = weights.shape.sharesGradient ? weights.width : split
        kernels.biasGradient(dp.columns(0..<shared), into: inputBias, and: recurrentBias)
        if !weights.shape.sharesGradient {
            kernels.biasGradient(dp.columns(split..<weights.width), into: inputBias + split)
            kernels.biasGradient(late, into: recurrentBias + split)
        }
    }

    /// Of one row of a batch of one step.
    private func formGradients(
        _ batch: RaggedBatch, _ x: Rows, row: Int, into gradient: UnsafeMutablePointer<Float>
    ) {
        let one = row..<row + 1
        let (split, hidden) = (weights.earlyWidth, weights.hidden)
        let dp = places(batch).columns(0..<weights.width).rows.rows(one)
        let late = lateGradient(batch)?.rows.rows(one) ?? dp.columns(split..<weights.width)
        func place(_ tensor: Int) -> UnsafeMutablePointer<Float> { gradient + site.tensors[tensor].lowerBound }
        kernels.weightGradient(dp, x.rows(one), precision: weights.precision, into: place(0))
        biasGradients(dp, late, into: gradient)
        for (index, peephole) in weights.peepholeGates.enumerated() {
            let cells =
                peephole.seesPrevious ? slots[1].first.rows(count: batch.count, width: hidden).rows : c(batch).rows
            kernels.addColumnProducts(
                dp.columns(peephole.block * hidden..<(peephole.block + 1) * hidden), cells.rows(one),
                into: place(4) + index * hidden)
        }
        let before = slots[0].first.rows(count: batch.count, width: weights.fed).rows.rows(one)
        kernels.weightGradient(dp.columns(0..<split), before, precision: weights.precision, into: place(1))
        if late.width > 0 {
            let taken =
                weights.shape.hasTwoPhases
                ? buffers.masked.rows(count: batch.rows, width: hidden).rows.rows(one) : before
            kernels.weightGradient(late, taken, precision: weights.precision, into: place(1) + split * weights.fed)
        }
        if let projection {
            let dr = buffers.dr.rows(count: batch.rows, width: weights.fed).rows.rows(one)
            projection.product.formGradients(dr, h(batch).rows.rows(one), into: gradient)
        }
    }

    /// Σ over rows of a gate's gradient times the cell state it sees, in the order of steps.
    private func peepholeGradients(_ batch: RaggedBatch, _ dp: Rows, into gradient: UnsafeMutablePointer<Float>) {
        let hidden = weights.hidden
        let c = c(batch)
        for (place, peephole) in weights.peepholeGates.enumerated() {
            let d = dp.columns(peephole.block * hidden..<(peephole.block + 1) * hidden)
            let target = gradient + place * hidden
            if !peephole.seesPrevious {
                kernels.addColumnProducts(d, c.rows, into: target)
                continue
            }
            for step in 0..<batch.steps {
                let some = 0..<batch.active[step]
                let rows = batch.offsets[step]..<batch.offsets[step + 1]
                kernels.addColumnProducts(
                    d.rows(rows), previous(batch, step, some, c, first: slots[1].first.base), into: target)
            }
        }
    }

    /// Σ dq · what the product took at each step. Where two steps have the same rows, what lies before them lies back to
    /// back, and one product takes both.
    private func recurrentGradient(_ batch: RaggedBatch, _ dq: Rows, into gradient: UnsafeMutablePointer<Float>) {
        guard batch.steps > 0 else { return }
        if hasFirstStates {
            let first = slots[0].first.rows(count: batch.active[0], width: weights.fed)
            kernels.weightGradient(
                dq.rows(0..<batch.active[0]), first.rows, precision: weights.precision, into: gradient)
        }
        let fed = fed(batch).rows
        var step = 1
        while step < batch.steps {
            let first = step
            while step + 1 < batch.steps, batch.active[step - 1] == batch.active[step] { step += 1 }
            let rows = batch.offsets[first]..<batch.offsets[step + 1]
            let before = batch.offsets[first - 1]..<batch.offsets[first - 1] + rows.count
            kernels.weightGradient(dq.rows(rows), fed.rows(before), precision: weights.precision, into: gradient)
            step += 1
        }
    }
}

extension RecurrentDefinition {
    func trainingFloats(inputs: Int, rows: Int, sequences: Int) -> Int {
        let shape = cell.shape
        let fed = projection == nil ? 0 : outputs
        let ofRow =
            (shape.rowBlocks + 1 + (shape.hasCellState ? 1 : 0) + (shape.hasTwoPhases ? 1 : 0)) * hidden + 3 * fed
        let separate = shape.hasTwoPhases || projection != nil ? shape.blocks + 1 : 0
        let ofSequence = 2 * (outputs + (shape.hasCellState ? hidden : 0)) + separate * hidden + fed
        return rows * ofRow + sequences * ofSequence
    }
}
