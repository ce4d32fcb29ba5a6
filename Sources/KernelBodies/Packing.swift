// From canonical weights to groups of vectors, see Groups.

extension Bodies {
    /// packed = groups of the matrix whose element (output, input) is w[output·outputStride + input·inputStride]
    ///
    ///     w       [blocks·hidden × inputs]
    ///     packed  `packedCount` floats, zero beyond the last output of each block
    ///
    /// One of the two strides is 1: outputStride where the transpose is packed, inputStride otherwise.
    @inline(never)
    public static func pack(
        w: UnsafePointer<Float>, outputStride: Int, inputStride: Int, blocks: Int, hidden: Int, inputs: Int,
        packed: UnsafeMutablePointer<Float>
    ) {
        let groups = Groups(blocks: blocks, hidden: hidden)
        var group = 0
        while group < groups.count {
            let width = groups.width(group)
            var vector = 0
            while vector < width {
                let unit = groups.output(group) + (blocks > 1 ? 0 : vector * Lanes.scalarCount)
                let output = unit + (blocks > 1 ? vector * hidden : 0)
                packVector(
                    w + output * outputStride, outputStride: outputStride, inputStride: inputStride,
                    count: min(Lanes.scalarCount, hidden - unit), inputs: inputs,
                    packed + groups.offset(group, inputs: inputs) + vector * Lanes.scalarCount,
                    stride: width * Lanes.scalarCount)
                vector += 1
            }
            group += 1
        }
    }

    /// One vector of outputs at every input.
    @inline(__always)
    private static func packVector(
        _ w: UnsafePointer<Float>, outputStride: Int, inputStride: Int, count: Int, inputs: Int,
        _ packed: UnsafeMutablePointer<Float>, stride: Int
    ) {
        if outputStride == 1 {
            let part = Part(count: count)
            var input = 0
            while input < inputs {
                let row = w + input * inputStride
                let weights = count == Lanes.scalarCount ? Whole().load(row) : part.load(row)
                Whole().store(weights, packed + input * stride)
                input += 1
            }
            return
        }
        // A cache line of every output at a time, so that what is read and what is written both stay in the first level.
        var first = 0
        while first < inputs {
            let end = min(first + 16, inputs)
            var lane = 0
            while lane < Lanes.scalarCount {
                let row = w + lane * outputStride
                var input = first
                while input < end {
                    packed[input * stride + lane] = lane < count ? row[input * inputStride] : 0
                    input += 1
                }
                lane += 1
            }
            first = end
        }
    }
}
