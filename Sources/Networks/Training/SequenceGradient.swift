import Kernels

// Gradients beyond those of the parameters, for checks against references and for benchmarks.

extension TrainingNetwork {
    /// Backward from the gradient of what the top layer gave at every step, for the batch that went forward last; the head
    /// takes no part.
    ///
    /// - Parameter dTop: packed rows [rows × top].
    /// - Returns: the gradient of x, packed [rows × inputs], until the network runs again.
    public func backwardSequence(_ dTop: Rows, into gradient: UnsafeMutablePointer<Float>) -> Rows? {
        precondition(dTop.count == batch.rows && dTop.width == description.topWidth, "one gradient row a step")
        clearGradients()
        return backwardStages(dTop, into: gradient, wantsInput: true)
    }

    /// Backward from gradients of what the top layer gave at every step and of every layer's last states; the head takes
    /// no part. All in the caller's order; states before the first step get their gradients in the result.
    ///
    /// - Parameter dTop: rows of `topWidth` floats, sequence after sequence.
    public func backwardStates(
        dTop: [Float], dLast: [NetworkState], into gradient: UnsafeMutablePointer<Float>
    ) -> (dx: [Float], dFirst: [NetworkState]) {
        let (top, width) = (description.topWidth, description.rowWidth)
        precondition(dTop.count == batch.rows * top, "one gradient row a step")
        precondition(dLast.count == batch.count, "one gradient a sequence")
        let above = workspace.dUpper.rows(count: batch.rows, width: top)
        dTop.withUnsafeBufferPointer { values in
            if let base = values.baseAddress { batch.pack(base, width: top, into: above.base) }
        }
        eachSlot { placed in
            let own = placed.layer.slots[placed.index]
            for row in 0..<batch.count {
                dLast[batch.order[row]].copy(placed.slot, to: own.gradient.base + row * own.width)
            }
        }
        let packed = backwardStages(above.rows, into: gradient, wantsInput: true)
        let dx = [Float](unsafeUninitializedCapacity: batch.rows * width) { dx, count in
            if let base = dx.baseAddress, let packed { batch.unpack(packed.base, width: width, into: base) }
            count = batch.rows * width
        }
        var dFirst = [NetworkState](repeating: NetworkState(zeroFor: stateLayout), count: batch.count)
        eachSlot { placed in
            let own = placed.layer.slots[placed.index]
            for row in 0..<batch.count {
                dFirst[batch.order[row]].take(placed.slot, from: own.gradient.base + row * own.width)
            }
        }
        return (dx, dFirst)
    }

    /// What every layer carries after each sequence's last step, in the caller's order, of the batch that went forward
    /// last; what the readout carries stays zero, and the steps are those of the batch.
    public var lastStates: [NetworkState] { states(after: batch.lengths) }

    /// The same after the first steps of each sequence, as many as are said for it; of a network without layers that read
    /// from the end.
    public func states(after steps: [Int]) -> [NetworkState] {
        precondition(
            steps.count == batch.count && zip(steps, batch.lengths).allSatisfy { (0...$1).contains($0) },
            "no steps of these sequences")
        var states = [NetworkState](repeating: NetworkState(zeroFor: stateLayout), count: batch.count)
        eachSlot { placed in
            let slot = Buffer(count: placed.slot.range.count)
            for row in 0..<batch.count {
                let sequence = batch.order[row]
                placed.layer.copyState(placed.index, batch, row: row, after: steps[sequence], to: slot.base)
                states[sequence].take(placed.slot, from: slot.base)
            }
        }
        for sequence in states.indices { states[sequence].steps = steps[sequence] }
        return states
    }

    /// The state of one row of the batch after so many steps, in place of another of this network.
    func take(_ state: inout NetworkState, after steps: Int, row: Int) {
        eachSlot { placed in
            state.values.withUnsafeMutableBufferPointer { values in
                guard let base = values.baseAddress else { return }
                placed.layer.copyState(
                    placed.index, batch, row: row, after: steps, to: base + placed.slot.range.lowerBound)
            }
        }
        state.steps += steps
    }

    /// What the top layer gave at every step, sequence after sequence in the caller's order.
    public var topStates: [Float] {
        guard let top else { return [] }
        return [Float](unsafeUninitializedCapacity: batch.rows * top.width) { values, count in
            if let base = values.baseAddress { batch.unpack(top.base, width: top.width, into: base) }
            count = batch.rows * top.width
        }
    }
}

extension NetworkState {
    func copy(_ slot: StateLayout.Slot, to target: UnsafeMutablePointer<Float>) {
        for (unit, number) in slot.range.enumerated() { target[unit] = values[number] }
    }

    fileprivate mutating func take(_ slot: StateLayout.Slot, from source: UnsafePointer<Float>) {
        for (unit, number) in slot.range.enumerated() { values[number] = source[unit] }
    }
}
