import CVectors

/// How bfloat16 are put into places, whatever adds them up.
protocol BFloat16Places: Arithmetic {}

extension BFloat16Places {
    static var inputsOfPlace: Int { @inline(__always) get { 2 } }
    static var isScaled: Bool { @inline(__always) get { false } }

    @inline(__always)
    static func scale(of row: UnsafePointer<Float>, count: Int) -> Float { 1 }

    @inline(__always)
    static func place(
        _ row: UnsafePointer<Float>, count: Int, scale: Float, into places: UnsafeMutablePointer<Float>
    ) {
        vectors_place_bfloat16(row, count, places)
    }

    @inline(__always)
    static func place(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float {
        let even = vectors_round_bfloat16(weights.pointee)
        let odd = count > 1 ? vectors_round_bfloat16(weights[stride]) : 0
        return Float(bitPattern: even | odd &<< 16)
    }

    @inline(__always)
    static func start(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float { 0 }
}
