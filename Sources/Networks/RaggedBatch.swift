/// Sequences of unequal length as one batch in which nothing is padded.
///
/// The sequences stand in rows, longest first, so that those that still have a step t are always the first `active[t]`
/// rows. Packed, a batch is all rows of step 0, then all of step 1, and so on:
///
///     lengths 2, 3, 1   →   rows 3, 2, 1 long   →   packed a₀ b₀ c₀ │ a₁ b₁ │ a₂
public struct RaggedBatch: Sendable, Equatable {
    /// Steps of each sequence, in the caller's order.
    public let lengths: [Int]
    /// The sequence in each row; equal lengths keep the caller's order.
    public let order: [Int]
    /// Rows that have a step t.
    public let active: [Int]
    /// Where step t begins in the packed order; one more entry, the number of packed rows.
    public let offsets: [Int]
    /// Where each sequence begins when sequences lie one after the other in the caller's order.
    public let starts: [Int]

    /// - Precondition: no length below 0.
    public init(lengths: [Int]) {
        precondition(lengths.allSatisfy { $0 >= 0 }, "a sequence cannot have fewer than 0 steps")
        self.lengths = lengths
        let isUniform = lengths.allSatisfy { $0 == lengths[0] }
        order =
            isUniform
            ? Array(lengths.indices)
            : lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        var starts: [Int] = []
        starts.reserveCapacity(lengths.count)
        var end = 0
        for length in lengths {
            starts.append(end)
            end += length
        }
        self.starts = starts
        let steps = order.first.map { lengths[$0] } ?? 0
        var active: [Int] = []
        var offsets = [0]
        active.reserveCapacity(steps)
        offsets.reserveCapacity(steps + 1)
        var count = lengths.count
        for step in 0..<steps {
            while count > 0, lengths[order[count - 1]] <= step { count -= 1 }
            active.append(count)
            offsets.append(offsets[step] + count)
        }
        self.active = active
        self.offsets = offsets
    }

    /// Sequences.
    public var count: Int { lengths.count }
    /// Steps of the longest.
    public var steps: Int { active.count }
    /// Steps of all together.
    public var rows: Int { offsets[offsets.count - 1] }

    /// Rows that have a step, in the mean of all steps.
    var meanActive: Int { rows / max(steps, 1) }

    /// The rows of part `part` of `parts`: adjacent ones, with as many steps as every other part has, give or take
    /// those of one sequence.
    func rows(ofPart part: Int, of parts: Int) -> Range<Int> { firstRow(part, parts)..<firstRow(part + 1, parts) }

    private func firstRow(_ part: Int, _ parts: Int) -> Int {
        if part == 0 { return 0 }
        if part == parts { return count }
        var row = 0
        var before = 0
        while row < count, before * parts < rows * part {
            before += lengths[order[row]]
            row += 1
        }
        return row
    }

    /// Rows of the caller's order, `width` floats each, into the packed order.
    public func pack(_ values: UnsafePointer<Float>, width: Int, into packed: UnsafeMutablePointer<Float>) {
        for step in 0..<steps {
            for row in 0..<active[step] {
                (packed + (offsets[step] + row) * width)
                    .update(from: values + (starts[order[row]] + step) * width, count: width)
            }
        }
    }

    /// Packed rows back into the caller's order.
    public func unpack(_ packed: UnsafePointer<Float>, width: Int, into values: UnsafeMutablePointer<Float>) {
        for step in 0..<steps {
            for row in 0..<active[step] {
                (values + (starts[order[row]] + step) * width)
                    .update(from: packed + (offsets[step] + row) * width, count: width)
            }
        }
    }
}
