// From canonical weights to panels of `laneCount` adjacent outputs.

extension Bodies {
    /// packed = panels of the matrix whose element (output, input) is w[output·outputStride + input·inputStride]
    ///
    ///     packed  ⌈outputs / laneCount⌉ panels of [inputs × laneCount], zero beyond the last output
    ///
    /// One of the two strides is 1: outputStride where the transpose is packed, inputStride otherwise.
    @inline(never)
    public static func pack(
        w: UnsafePointer<Float>, outputStride: Int, inputStride: Int, outputs: Int, inputs: Int,
        packed: UnsafeMutablePointer<Float>
    ) {
        var output = 0
        var panel = packed
        while output < outputs {
            let count = min(Lanes.scalarCount, outputs - output)
            let source = w + output * outputStride
            if outputStride == 1 {
                let access = Part(count: count)
                var input = 0
                while input < inputs {
                    let row = source + input * inputStride
                    let weights = count == Lanes.scalarCount ? Whole().load(row) : access.load(row)
                    Whole().store(weights, panel + input * Lanes.scalarCount)
                    input += 1
                }
            } else {
                var lane = 0
                while lane < Lanes.scalarCount {
                    let row = source + lane * outputStride
                    var input = 0
                    while input < inputs {
                        panel[input * Lanes.scalarCount + lane] = lane < count ? row[input * inputStride] : 0
                        input += 1
                    }
                    lane += 1
                }
            }
            panel += inputs * Lanes.scalarCount
            output += Lanes.scalarCount
        }
    }
}
