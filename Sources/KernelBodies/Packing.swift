// From canonical weights to groups of vectors, see Groups; in any precision.

extension Bodies {
    /// Floats that packing takes.
    public static func packedCount(blocks: Int, hidden: Int, inputs: Int, precision: Int) -> Int {
        var count = 0
        withUnsafeMutablePointer(to: &count) { count in
            dispatch(
                CountWork(groups: Groups(blocks: blocks, hidden: hidden), inputs: inputs, count: count),
                precision: precision)
        }
        return count
    }

    /// packed = groups of the matrix whose element (output, input) is w[output·outputStride + input·inputStride]
    ///
    ///     w       [blocks·hidden × inputs]
    ///     packed  `packedCount` floats, zero beyond the last output of each block
    ///
    /// The groups firstGroup ..< firstGroup + groupCount are packed, the others left as they are. One of the two strides
    /// is 1: outputStride where the transpose is packed, inputStride otherwise.
    @inline(never)
    public static func pack(
        w: UnsafePointer<Float>, outputStride: Int, inputStride: Int, blocks: Int, hidden: Int, inputs: Int,
        firstGroup: Int, groupCount: Int, precision: Int, packed: UnsafeMutablePointer<Float>
    ) {
        dispatch(
            PackWork(
                w: w, outputStride: outputStride, inputStride: inputStride,
                groups: Groups(blocks: blocks, hidden: hidden), range: firstGroup..<firstGroup + groupCount,
                inputs: inputs, packed: packed),
            precision: precision)
    }
}

private struct CountWork: PrecisionWork {
    let groups: Groups
    let inputs: Int
    let count: UnsafeMutablePointer<Int>

    @inline(__always)
    func run<A: Arithmetic>(_ type: A.Type) {
        count.pointee = groups.floats(inputs: A.places(inputs) + (A.isScaled ? 2 : 0))
    }
}

private struct PackWork: PrecisionWork {
    let w: UnsafePointer<Float>
    let outputStride: Int
    let inputStride: Int
    let groups: Groups
    let range: Range<Int>
    let inputs: Int
    let packed: UnsafeMutablePointer<Float>

    @inline(__always)
    func run<A: Arithmetic>(_ type: A.Type) {
        let places = A.places(inputs)
        var group = range.lowerBound
        while group < range.upperBound {
            let width = groups.width(group)
            var vector = 0
            while vector < width {
                let unit = groups.output(group) + (groups.blocks > 1 ? 0 : vector * Lanes.scalarCount)
                let output = unit + (groups.blocks > 1 ? vector * groups.hidden : 0)
                let source = w + output * outputStride
                let count = min(Lanes.scalarCount, groups.hidden - unit)
                let offset = vector * Lanes.scalarCount
                let target = packed + groups.offset(group, inputs: places) + offset
                if A.inputsOfPlace > 1 {
                    let scales = groups.scales(packed, group, places: places) + offset
                    let starts = groups.starts(packed, group, places: places) + offset
                    packPlaces(
                        type, source, count: count, target, stride: width * Lanes.scalarCount,
                        scales: UnsafeMutablePointer(mutating: scales), starts: UnsafeMutablePointer(mutating: starts))
                } else if outputStride == 1 {
                    packRows(source, count: count, target, stride: width * Lanes.scalarCount)
                } else {
                    packColumns(source, count: count, target, stride: width * Lanes.scalarCount)
                }
                vector += 1
            }
            group += 1
        }
    }

    /// Outputs that lie side by side.
    @inline(__always)
    private func packRows(
        _ source: UnsafePointer<Float>, count: Int, _ target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        let part = Part(count: count)
        var input = 0
        while input < inputs {
            let row = source + input * inputStride
            let weights = count == Lanes.scalarCount ? Whole().load(row) : part.load(row)
            Whole().store(weights, target + input * stride)
            input += 1
        }
    }

    /// Inputs that lie side by side: a cache line of every output at a time, so that what is read and what is written
    /// both stay in the first level.
    @inline(__always)
    private func packColumns(
        _ source: UnsafePointer<Float>, count: Int, _ target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        var first = 0
        while first < inputs {
            let end = min(first + 16, inputs)
            var lane = 0
            while lane < Lanes.scalarCount {
                let row = source + lane * outputStride
                var input = first
                while input < end {
                    target[input * stride + lane] = lane < count ? row[input * inputStride] : 0
                    input += 1
                }
                lane += 1
            }
            first = end
        }
    }

    /// Places of several inputs, with scales and starts where the precision has them.
    @inline(__always)
    private func packPlaces<A: Arithmetic>(
        _ type: A.Type, _ source: UnsafePointer<Float>, count: Int, _ target: UnsafeMutablePointer<Float>,
        stride: Int, scales: UnsafeMutablePointer<Float>, starts: UnsafeMutablePointer<Float>
    ) {
        let places = A.places(inputs)
        var lane = 0
        while lane < Lanes.scalarCount {
            let weights = source + lane * outputStride
            let scale = lane < count ? A.scale(ofWeights: weights, stride: inputStride, count: inputs) : 0
            var place = 0
            while place < places {
                let input = place * A.inputsOfPlace
                target[place * stride + lane] =
                    lane < count
                    ? A.place(
                        weights: weights + input * inputStride, stride: inputStride,
                        count: min(A.inputsOfPlace, inputs - input), scale: scale) : 0
                place += 1
            }
            if A.isScaled {
                scales[lane] = scale
                starts[lane] =
                    lane < count ? A.start(weights: weights, stride: inputStride, count: inputs, scale: scale) : 0
            }
            lane += 1
        }
    }
}
