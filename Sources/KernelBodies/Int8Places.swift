import CVectors

/// How bytes are put into places, whatever adds them up.
///
/// Weights are whole numbers from -127 to 127 times a scale of their output; a row is such numbers times a scale of
/// the row, stored with 128 added, since the processor's dot product takes one operand without a sign. What the 128
/// add to a sum is taken off at its start.
protocol Int8Places: Arithmetic {}

extension Int8Places {
    static var inputsOfPlace: Int { @inline(__always) get { 4 } }
    static var isScaled: Bool { @inline(__always) get { true } }

    @inline(__always)
    static func scale(of row: UnsafePointer<Float>, count: Int) -> Float { scale(vectors_greatest(row, 1, count)) }

    @inline(__always)
    static func scale(ofWeights weights: UnsafePointer<Float>, stride: Int, count: Int) -> Float {
        scale(vectors_greatest(weights, stride, count))
    }

    @inline(__always)
    static func place(
        _ row: UnsafePointer<Float>, count: Int, scale: Float, into places: UnsafeMutablePointer<Float>
    ) {
        vectors_place_bytes(row, count, scale > 0 ? 1 / scale : 0, places)
    }

    @inline(__always)
    static func place(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float {
        var place: UInt32 = 0
        var index = 0
        while index < count {
            let byte = UInt32(bitPattern: byte(weights[index * stride], scale)) & 0xff
            place |= byte &<< UInt32(truncatingIfNeeded: 8 * index)
            index += 1
        }
        return Float(bitPattern: place)
    }

    @inline(__always)
    static func start(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float {
        var sum: Int32 = 0
        var index = 0
        while index < count {
            sum &+= byte(weights[index * stride], scale)
            index += 1
        }
        return Float(bitPattern: UInt32(bitPattern: -128 &* sum))
    }

    /// A scale whose reciprocal would overflow counts as 0: such numbers are nothing beside any other.
    @inline(__always)
    private static func scale(_ greatest: Float) -> Float {
        let scale = greatest / 127
        return scale < 0x1p-126 ? 0 : scale
    }

    @inline(__always)
    private static func byte(_ weight: Float, _ scale: Float) -> Int32 {
        vectors_round(scale > 0 && scale < .infinity ? weight * (1 / scale) : 0)
    }
}
