import Kernels

/// The states of a group of sequences: every slot as rows [group × width], slot after slot. Of one sequence by itself
/// these are its `NetworkState.values` as they lie.
struct StateRows {
    let base: UnsafeMutablePointer<Float>
    let group: Int

    /// The rows of a slot.
    func rows(_ slot: Range<Int>) -> MutableRows {
        MutableRows(base + slot.lowerBound * group, count: group, width: slot.count)
    }

    /// Makes the states of the first rows zero.
    func clear(_ layout: StateLayout, rows: Int) {
        precondition(rows <= group, "\(rows) rows of \(group)")
        for slot in layout.slots {
            (base + slot.range.lowerBound * group).update(repeating: 0, count: rows * slot.range.count)
        }
    }

    func load(_ state: borrowing NetworkState, _ layout: StateLayout, row: Int) {
        precondition(state.fits(layout), "a state of another network")
        state.values.withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for slot in layout.slots {
                place(slot, row).update(from: values + slot.range.lowerBound, count: slot.range.count)
            }
        }
    }

    func save(_ state: inout NetworkState, _ layout: StateLayout, row: Int, steps: Int) {
        state.values.withUnsafeMutableBufferPointer { values in
            guard let values = values.baseAddress else { return }
            for slot in layout.slots {
                (values + slot.range.lowerBound).update(from: place(slot, row), count: slot.range.count)
            }
        }
        state.steps += steps
    }

    private func place(_ slot: StateLayout.Slot, _ row: Int) -> UnsafeMutablePointer<Float> {
        base + slot.range.lowerBound * group + row * slot.range.count
    }
}
