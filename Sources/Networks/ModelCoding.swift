import Kernels

// The parts of a model file. A case is written as a byte; numbers below are part of the format and never change.

extension BinaryWriter {
    mutating func write(_ network: NetworkDescription) {
        write(network.inputs)
        write(network.layers) { writer, layer in
            writer.write(layer.cell)
            writer.write(layer.hidden)
        }
        write(network.dropout)
        write(network.outputs)
        write(network.readout.rawValue)
    }

    mutating func write(_ cell: Cell) {
        write(cell.name.rawValue)
        write(cell.variant)
    }

    mutating func write(_ transform: TransformSpec) {
        switch transform {
        case .log: write(UInt8(0))
        case .difference: write(UInt8(1))
        case .seasonalDifference(let period):
            write(UInt8(2))
            write(period)
        case .standardize: write(UInt8(3))
        case .minMax: write(UInt8(4))
        }
    }

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

    mutating func write(_ task: ModelTask) {
        switch task {
        case .forecast(let forecast):
            write(UInt8(0))
            write(forecast.targets) { $0.write($1) }
            write(forecast.features) { $0.write($1) }
            write(forecast.time) { $0.write($1) }
            write(forecast.lookback)
            write(forecast.horizon)
            write(forecast.season) { $0.write($1) }
            write(forecast.tail.rows) { $0.write($1) }
            write(forecast.tail.time) { $0.write($1) }
        case .classify(let classify):
            write(UInt8(1))
            write(classify.features) { $0.write($1) }
            write(classify.labels) { $0.write($1) }
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
    mutating func readNetwork() throws(Malformed) -> NetworkDescription {
        let inputs = try readInt(in: 1...ModelLimit.columns, "a number of inputs")
        // A layer is two words and a width, which take 8 bytes at least each.
        let layers = try readArray(size: 24, in: 1...ModelLimit.layers) { reader throws(Malformed) in
            LayerDescription(
                cell: try reader.readCell(), hidden: try reader.readInt(in: 1...ModelLimit.hidden, "a hidden size"))
        }
        let dropout = try readFloat()
        guard dropout >= 0, dropout < 1 else { throw malformed("a dropout of at least 0 and below 1 before this") }
        let outputs = try readInt(in: 1...max(ModelLimit.columns, ModelLimit.labels), "a number of outputs")
        guard let readout = Readout(rawValue: try readWord()), readout != .everyStep else {
            throw malformed("a readout before this")
        }
        return NetworkDescription(inputs: inputs, layers: layers, dropout: dropout, outputs: outputs, readout: readout)
    }

    /// The name of a case.
    private mutating func readWord() throws(Malformed) -> String { try readString(most: 32) }

    private mutating func readCell() throws(Malformed) -> Cell {
        guard let name = Cell.Name(rawValue: try readWord()) else { throw malformed("a cell") }
        guard let cell = Cell(name, variant: try readString(most: 128)) else {
            throw malformed("the options of a cell")
        }
        return cell
    }

    mutating func readTransformSpec() throws(Malformed) -> TransformSpec {
        switch try read(UInt8.self) {
        case 0: return .log
        case 1: return .difference
        case 2: return .seasonalDifference(try readLag())
        case 3: return .standardize
        case 4: return .minMax
        default: throw malformed("a transform")
        }
    }

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

    mutating func readTask() throws(Malformed) -> ModelTask {
        switch try read(UInt8.self) {
        case 0:
            let targets = try readNames(in: 1...ModelLimit.columns)
            let features = try readNames(in: 0...ModelLimit.columns - targets.count)
            return .forecast(
                ForecastModel(
                    targets: targets, features: features,
                    time: try readOptional { reader throws(Malformed) in try reader.readName() },
                    lookback: try readInt(in: 1...ModelLimit.lookback, "a lookback"),
                    horizon: try readInt(in: 1...ModelLimit.horizon, "a horizon"),
                    season: try readOptional { reader throws(Malformed) in
                        try reader.readInt(in: 1...ModelLimit.period, "a season")
                    },
                    tail: SeriesTail(
                        rows: try readTail(width: targets.count + features.count),
                        time: try readOptional { reader throws(Malformed) in try reader.readTimeIndex() })))
        case 1:
            return .classify(
                ClassifyModel(
                    features: try readNames(in: 1...ModelLimit.columns),
                    labels: try readNames(in: 1...ModelLimit.labels)))
        default: throw malformed("a task")
        }
    }

    private mutating func readName() throws(Malformed) -> String { try readString(most: ModelLimit.nameBytes) }

    private mutating func readNames(in range: ClosedRange<Int>) throws(Malformed) -> [String] {
        try readArray(size: 8, in: range) { reader throws(Malformed) in try reader.readName() }
    }

    /// Rows of the end of a series, no more of them than the longest lookback and the most that differences consume.
    private mutating func readTail(width: Int) throws(Malformed) -> [[Double]] {
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
