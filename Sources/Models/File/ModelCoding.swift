import Networks

// The parts of a model file. A case is written as a byte; numbers below are part of the format and never change.

extension BinaryWriter {
    mutating func write(_ column: ColumnTransform) {
        write(column.steps) { writer, step in
            switch step {
            case .log: writer.write(UInt8(0))
            case .difference(let lag):
                writer.write(UInt8(1))
                writer.write(lag)
            case .scale(let offset, let divisor):
                writer.write(UInt8(2))
                writer.write(offset)
                writer.write(divisor)
            }
        }
    }

    mutating func write(_ tail: SeriesTail) {
        write(tail.rows) { $0.write($1) }
        write(tail.time) { $0.write($1) }
    }

    /// Every tensor with its name and shape.
    mutating func write(_ parameters: Parameters) {
        write(parameters.layout.tensors) { writer, tensor in
            writer.write(tensor.name)
            writer.write(tensor.shape) { $0.write($1) }
            writer.write(Array(parameters.values[tensor.range]))
        }
    }

    mutating func write(_ time: TimeIndex) {
        switch time.unit {
        case .integer: write(UInt8(0))
        case .month(let separator, let day):
            write(UInt8(1))
            write(String(separator))
            write(day) { $0.write($1) }
        case .quarter(let separator):
            write(UInt8(2))
            write(separator)
        case .day(let separator):
            write(UInt8(3))
            write(String(separator))
        case .second(let separator, let marker, let seconds, let suffix):
            write(UInt8(4))
            write(String(separator))
            write(String(marker))
            write(seconds)
            write(suffix)
        }
        write(time.step)
        write(time.last)
    }
}

extension BinaryReader {
    /// The name of a case.
    private mutating func readWord() throws(Malformed) -> String { try readString(most: 32) }

    mutating func readColumnTransform() throws(Malformed) -> ColumnTransform {
        ColumnTransform(
            // One more than are asked for: a scaling is added to those that leave it open.
            steps: try readArray(size: 1, in: 0...ModelLimit.transforms + 1) { reader throws(Malformed) in
                switch try reader.read(UInt8.self) {
                case 0: return .log
                case 1: return .difference(lag: try reader.readLag())
                case 2:
                    let (offset, divisor) = (try reader.readDouble(), try reader.readDouble())
                    guard divisor > 0 else { throw reader.malformed("a divisor above 0 before this") }
                    return .scale(offset: offset, divisor: divisor)
                default: throw reader.malformed("a fitted transform")
                }
            })
    }

    private mutating func readLag() throws(Malformed) -> Int {
        try readInt(in: 1...ModelLimit.period, "a number of rows to look back")
    }

    mutating func readTail(width: Int) throws(Malformed) -> SeriesTail {
        SeriesTail(
            rows: try readRows(width: width),
            time: try readOptional { reader throws(Malformed) in try reader.readTimeIndex() })
    }

    /// The tensors of this layout, each by its name and in its shape, in any order.
    mutating func readParameters(_ layout: ParameterLayout) throws(Malformed) -> Parameters {
        // Before room is made for them: so many numbers have to be there.
        guard layout.count <= left / MemoryLayout<Float>.size else {
            throw malformed("the \(layout.count) parameters of the network")
        }
        var parameters = Parameters(layout: layout)
        var missing = Dictionary(uniqueKeysWithValues: layout.tensors.map { ($0.name, $0) })
        // A name and a number of dimensions take 16 bytes.
        for _ in 0..<(try readCount(size: 16, in: layout.tensors.count...layout.tensors.count)) {
            let name = try readString(most: ModelLimit.nameBytes)
            guard let tensor = missing.removeValue(forKey: name) else { throw malformed("a tensor of the network") }
            let shape = try readArray(size: 8, in: 1...tensor.shape.count) { reader throws(Malformed) in
                try reader.readInt(in: 1...Int.max, "an extent")
            }
            guard shape == tensor.shape else { throw malformed("the shape \(tensor.shape) of \(name) before this") }
            parameters.values.replaceSubrange(tensor.range, with: try readFloats(tensor.range.count))
        }
        return parameters
    }

    /// Rows of the end of a series, no more of them than the longest lookback and the most that differences consume.
    private mutating func readRows(width: Int) throws(Malformed) -> [[Double]] {
        let most = ModelLimit.lookback + ModelLimit.transforms * ModelLimit.period
        return try readArray(size: 8 + width * 8, in: 1...most) { reader throws(Malformed) in
            try reader.readDoubles(width)
        }
    }

    private mutating func readTimeIndex() throws(Malformed) -> TimeIndex {
        let unit: TimeIndex.Unit
        switch try read(UInt8.self) {
        case 0: unit = .integer
        case 1:
            unit = .month(
                separator: try readCharacter(),
                day: try readOptional { reader throws(Malformed) in try reader.readInt(in: 0...28, "a day of the month")
                })
        case 2: unit = .quarter(separator: try readWord())
        case 3: unit = .day(separator: try readCharacter())
        case 4:
            unit = .second(
                separator: try readCharacter(), marker: try readCharacter(), seconds: try readBool(),
                suffix: try readWord())
        default: throw malformed("a unit of time")
        }
        let (step, last) = (Int(try read(Int64.self)), Int(try read(Int64.self)))
        let index = TimeIndex(unit: unit, step: step, last: last)
        guard index.isReadable else { throw malformed("a time index that labels could have given before this") }
        return index
    }

    private mutating func readCharacter() throws(Malformed) -> Character {
        let text = try readWord()
        guard text.count == 1, let character = text.first else { throw malformed("one character") }
        return character
    }
}
