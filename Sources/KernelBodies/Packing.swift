// From canonical weights to groups of vectors, see Groups; in any precision.

import CVectors

/// Inputs that are packed of every group in turn.
private let inputsOfTurn = 64

/// Inputs ahead of those that are packed for which memory is asked.
private let inputsAhead = 64

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
    /// The groups firstGroup ..< firstGroup + groupCount are packed, the others left as they are. One of the two
    /// strides is 1: outputStride where the transpose is packed, inputStride otherwise.
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
        // Of the transpose some inputs of every group before the next: whole rows of w. Otherwise group by group.
        let turn = outputStride == 1 && A.inputsOfPlace == 1 ? inputsOfTurn : max(inputs, 1)
        var first = 0
        while first < inputs {
            let end = min(first + turn, inputs)
            var group = range.lowerBound
            while group < range.upperBound {
                if A.inputsOfPlace == 1 {
                    packGroup(group, first, end)
                } else {
                    packPlaces(type, group, places: places)
                }
                group += 1
            }
            first = end
        }
    }

    /// Some inputs of a group, a square of a cache line of inputs by a vector of outputs at a time.
    @inline(__always)
    private func packGroup(_ group: Int, _ first: Int, _ end: Int) {
        let width = groups.width(group)
        let stride = width * Lanes.scalarCount
        let target = packed + groups.offset(group, inputs: inputs)
        var input = first
        while input < end {
            let next = min(input + 16, end)
            var vector = 0
            while vector < width {
                let (output, count) = outputs(group, vector)
                let source = w + output * outputStride + input * inputStride
                let square = target + input * stride + vector * Lanes.scalarCount
                if outputStride == 1 {
                    packRows(source, count: count, inputs: next - input, square, stride: stride)
                } else {
                    packColumns(source, count: count, inputs: next - input, square, stride: stride)
                }
                vector += 1
            }
            input = next
        }
    }

    /// The first output of a vector of a group, and how many there are; the others are zero weights.
    @inline(__always)
    private func outputs(_ group: Int, _ vector: Int) -> (first: Int, count: Int) {
        let unit = groups.output(group) + (groups.blocks > 1 ? 0 : vector * Lanes.scalarCount)
        return (
            unit + (groups.blocks > 1 ? vector * groups.hidden : 0), min(Lanes.scalarCount, groups.hidden - unit)
        )
    }

    /// Outputs that lie side by side.
    @inline(__always)
    private func packRows(
        _ source: UnsafePointer<Float>, count: Int, inputs: Int, _ target: UnsafeMutablePointer<Float>, stride: Int
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

    /// Inputs that lie side by side, in squares of four.
    @inline(__always)
    private func packColumns(
        _ source: UnsafePointer<Float>, count: Int, inputs: Int, _ target: UnsafeMutablePointer<Float>, stride: Int
    ) {
        let isWhole = count == Lanes.scalarCount && inputs % 4 == 0
        var row = 0
        while row < count {
            vectors_prefetch(source + row * outputStride + inputsAhead)
            row += 1
        }
        var lane = 0
        while lane < Lanes.scalarCount {
            let rows = source + lane * outputStride
            var input = 0
            while input < inputs {
                if isWhole {
                    vectors_transpose_4(rows + input, outputStride, target + input * stride + lane, stride)
                    input += 4
                } else {
                    var next = lane
                    while next < lane + 4 {
                        target[input * stride + next] = next < count ? source[next * outputStride + input] : 0
                        next += 1
                    }
                    input += 1
                }
            }
            lane += 4
        }
    }

    /// A group in places of several inputs, with scales and starts where the precision has them.
    @inline(__always)
    private func packPlaces<A: Arithmetic>(_ type: A.Type, _ group: Int, places: Int) {
        let width = groups.width(group)
        var vector = 0
        while vector < width {
            let (output, count) = outputs(group, vector)
            let offset = vector * Lanes.scalarCount
            packPlaces(
                type, w + output * outputStride, count: count,
                packed + groups.offset(group, inputs: places) + offset, stride: width * Lanes.scalarCount,
                scales: UnsafeMutablePointer(mutating: groups.scales(packed, group, places: places) + offset),
                starts: UnsafeMutablePointer(mutating: groups.starts(packed, group, places: places) + offset))
            vector += 1
        }
    }

    /// One vector of outputs.
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
