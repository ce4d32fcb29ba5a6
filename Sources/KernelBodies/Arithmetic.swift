// What products multiply and add. Packed weights and copied rows are places of 32 bits, of which a vector holds
// `laneCount`: one float, two bfloat16 or four bytes. Tiles and walks are the same for all.

import CVectors

/// One precision of products.
protocol Arithmetic {
    /// Inputs in one place.
    static var inputsOfPlace: Int { get }
    /// Whether sums are whole numbers, which a scale of the row and one of the output turn into floats.
    static var isScaled: Bool { get }
    /// sum + Σ over the inputs of one place of factor·weight, for every lane.
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes
    /// What a row is divided by before it is put into places; 1 where sums are floats.
    static func scale(of row: UnsafePointer<Float>, count: Int) -> Float
    /// Puts `count` inputs of a row into places; what the last one has beyond them counts nothing.
    static func place(
        _ row: UnsafePointer<Float>, count: Int, scale: Float, into places: UnsafeMutablePointer<Float>)
    /// What the weights of an output are divided by, `stride` apart; 1 where sums are floats.
    static func scale(ofWeights weights: UnsafePointer<Float>, stride: Int, count: Int) -> Float
    /// The place of adjacent inputs of one output's weights, `stride` apart.
    static func place(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float
    /// What the sums of an output start from, where they are whole numbers.
    static func start(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float
}

extension Arithmetic {
    @inline(__always)
    static func scale(ofWeights weights: UnsafePointer<Float>, stride: Int, count: Int) -> Float { 1 }

    @inline(__always)
    static func places(_ inputs: Int) -> Int { (inputs + inputsOfPlace - 1) / inputsOfPlace }
}

enum Float32Numbers: Arithmetic {
    static var inputsOfPlace: Int { @inline(__always) get { 1 } }
    static var isScaled: Bool { @inline(__always) get { false } }

    @inline(__always)
    static func add(_ factor: Lanes, _ weights: Lanes, to sum: Lanes) -> Lanes { multiplyAdd(factor, weights, sum) }

    @inline(__always)
    static func scale(of row: UnsafePointer<Float>, count: Int) -> Float { 1 }

    @inline(__always)
    static func place(
        _ row: UnsafePointer<Float>, count: Int, scale: Float, into places: UnsafeMutablePointer<Float>
    ) {
        var index = 0
        while index + Lanes.scalarCount <= count {
            Whole().store(Whole().load(row + index), places + index)
            index += Lanes.scalarCount
        }
        while index < count {
            places[index] = row[index]
            index += 1
        }
    }

    @inline(__always)
    static func place(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float {
        weights.pointee
    }

    @inline(__always)
    static func start(weights: UnsafePointer<Float>, stride: Int, count: Int, scale: Float) -> Float { 0 }
}
