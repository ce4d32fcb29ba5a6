// A product of many rows with a matrix of few outputs.

import CVectors

/// Outputs at most for which rows become lanes: an input of a vector of rows takes as many multiply-adds as there are
/// outputs then instead of as there are lanes, but has to be turned, which takes as long as some third of the latter.
let fewOutputs = Lanes.scalarCount / 4

/// Inputs that are turned at a time: of four vectors of rows no more than half of the first cache level.
private let inputsOfTurn = 64

/// The one group of a matrix of less than a vector of outputs: its weights are [places × laneCount].
struct FewOutputs {
    let outputs: Int
    let places: Int
    let weights: UnsafePointer<Float>
    let start: UnsafePointer<Float>?
    let startStride: Int
    /// [rows × laneCount]
    let target: UnsafeMutablePointer<Float>
    /// For [outputs × rows] sums and [inputsOfTurn × rows] columns of a strip of rows.
    let scratch: UnsafeMutablePointer<Float>

    @inline(__always)
    func from(_ row: Int) -> FewOutputs {
        FewOutputs(
            outputs: outputs, places: places, weights: weights, start: start.map { $0 + row * startStride },
            startStride: startStride, target: target + row * Lanes.scalarCount, scratch: scratch)
    }
}

extension Bodies {
    /// A matrix of few outputs, as a head has: a vector holds an output of many rows instead of an output and many
    /// zeros of one. Rows are turned into columns on the way, some inputs at a time.
    ///
    /// - Parameter left: whole vectors of rows.
    @inline(never)
    static func turn(_ left: BlockRows, _ group: FewOutputs) {
        var row = 0
        while row < left.count {
            let vectors = min(Groups.widest, (left.count - row) / Lanes.scalarCount)
            let rows = left.rows(row, vectors * Lanes.scalarCount)
            switch vectors {
            case 1: turn(Single<Float32Numbers>.self, rows, group.from(row))
            case 2: turn(Pair<Float32Numbers>.self, rows, group.from(row))
            case 3: turn(Triple<Float32Numbers>.self, rows, group.from(row))
            default: turn(Quad<Float32Numbers>.self, rows, group.from(row))
            }
            row += rows.count
        }
    }

    /// - Parameter left: as many rows as a strip has lanes.
    @inline(__always)
    private static func turn<Row: Strip>(_ type: Row.Type, _ left: BlockRows, _ group: FewOutputs) {
        let (rows, lanes) = (left.count, Lanes.scalarCount)
        let (sums, columns) = (group.scratch, group.scratch + group.outputs * rows)
        var output = 0
        while output < group.outputs {
            var row = 0
            while row < rows {
                sums[output * rows + row] = group.start.map { $0[row * group.startStride + output] } ?? 0
                row += 1
            }
            output += 1
        }
        var (factors, place) = (left.base, 0)
        while place < group.places {
            let count = min(inputsOfTurn, group.places - place)
            transpose(factors, stride: left.stride, rows: rows, inputs: count, into: columns)
            output = 0
            while output < group.outputs {
                let weights = group.weights + place * lanes + output
                var strip = Row(sums + output * rows, step: lanes)
                var input = 0
                while input < count {
                    strip.add(broadcast(weights[input * lanes]), Row(columns + input * rows, step: lanes))
                    input += 1
                }
                strip.store(sums + output * rows)
                output += 1
            }
            place += count
            // A piece is several turns long.
            factors += place % pieceLength == 0 ? left.apart - pieceLength + inputsOfTurn : inputsOfTurn
        }
        output = 0
        while output < group.outputs {
            var row = 0
            while row < rows {
                group.target[row * lanes + output] = sums[output * rows + row]
                row += 1
            }
            output += 1
        }
    }

    /// Inputs of rows, [rows × inputs], as columns, [inputs × rows].
    @inline(__always)
    private static func transpose(
        _ source: UnsafePointer<Float>, stride: Int, rows: Int, inputs: Int, into target: UnsafeMutablePointer<Float>
    ) {
        var row = 0
        while row < rows {
            let square = source + row * stride
            var input = 0
            while input + 4 <= inputs {
                vectors_transpose_4(square + input, stride, target + input * rows + row, rows)
                input += 4
            }
            while input < inputs {
                var lane = 0
                while lane < 4 {
                    target[input * rows + row + lane] = square[lane * stride + input]
                    lane += 1
                }
                input += 1
            }
            row += 4
        }
    }
}
