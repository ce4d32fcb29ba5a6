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
        switch cell {
        case .elman(let activation): write(activation.rawValue)
        case .lstm: write("")
        case .gru(let reset): write(reset.rawValue)
        }
    }

    mutating func write(_ transform: TransformSpec) {
        switch transform {
        case .log: write(UInt8(0))
        case .difference: write(UInt8(1))
        case .seasonalDifference(let period):
            write(UInt8(2))
            write(period)
        case .standardise: write(UInt8(3))
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
        let inputs = try readWidth()
        let layers = try readArray { reader throws(Malformed) in
            LayerDescription(cell: try reader.readCell(), hidden: try reader.readWidth())
        }
        let dropout = try readFloat()
        let outputs = try readWidth()
        guard let readout = Readout(rawValue: try readString()) else { throw malformed("a readout") }
        return NetworkDescription(inputs: inputs, layers: layers, dropout: dropout, outputs: outputs, readout: readout)
    }

    /// A width of at least 1, small enough that products of a few of them are numbers.
    private mutating func readWidth() throws(Malformed) -> Int {
        let width = try readInt()
        guard (1...1 << 24).contains(width) else { throw malformed("a width") }
        return width
    }

    private mutating func readCell() throws(Malformed) -> Cell {
        guard let name = Cell.Name(rawValue: try readString()) else { throw malformed("a cell") }
        let variant = try readString()
        switch name {
        case .lstm: return .lstm
        case .elman:
            guard let activation = Activation(rawValue: variant) else { throw malformed("an activation") }
            return .elman(activation)
        case .gru:
            guard let reset = GRUReset(rawValue: variant) else { throw malformed("a reset") }
            return .gru(reset)
        }
    }

    mutating func readTransformSpec() throws(Malformed) -> TransformSpec {
        switch try read(UInt8.self) {
        case 0: return .log
        case 1: return .difference
        case 2: return .seasonalDifference(try readLag())
        case 3: return .standardise
        case 4: return .minMax
        default: throw malformed("a transform")
        }
    }

    mutating func readColumnTransform() throws(Malformed) -> ColumnTransform {
        ColumnTransform(
            steps: try readArray { reader throws(Malformed) in
                switch try reader.read(UInt8.self) {
                case 0: return .log
                case 1: return .difference(lag: try reader.readLag())
                case 2: return .scale(offset: try reader.readDouble(), divisor: try reader.readDouble())
                default: throw reader.malformed("a fitted transform")
                }
            })
    }

    private mutating func readLag() throws(Malformed) -> Int {
        let lag = try readInt()
        guard (1...1 << 24).contains(lag) else { throw malformed("a number of rows") }
        return lag
    }

    mutating func readTask() throws(Malformed) -> ModelTask {
        switch try read(UInt8.self) {
        case 0:
            return .forecast(
                ForecastModel(
                    targets: try readStrings(), features: try readStrings(),
                    time: try readOptional { reader throws(Malformed) in try reader.readString() },
                    lookback: try readInt(), horizon: try readInt(),
                    season: try readOptional { reader throws(Malformed) in try reader.readInt() },
                    tail: SeriesTail(
                        rows: try readArray { reader throws(Malformed) in try reader.readDoubles() },
                        time: try readOptional { reader throws(Malformed) in try reader.readTimeIndex() })))
        case 1: return .classify(ClassifyModel(features: try readStrings(), labels: try readStrings()))
        default: throw malformed("a task")
        }
    }

    private mutating func readStrings() throws(Malformed) -> [String] {
        try readArray { reader throws(Malformed) in try reader.readString() }
    }

    private mutating func readTimeIndex() throws(Malformed) -> TimeIndex {
        let unit: TimeIndex.Unit
        switch try read(UInt8.self) {
        case 0: unit = .integer
        case 1:
            unit = .month(
                separator: try readCharacter(),
                day: try readOptional { reader throws(Malformed) in try reader.readInt() })
        case 2: unit = .quarter(separator: try readString())
        case 3: unit = .day(separator: try readCharacter())
        case 4:
            unit = .second(
                separator: try readCharacter(), marker: try readCharacter(), seconds: try readBool(),
                suffix: try readString())
        default: throw malformed("a unit of time")
        }
        return TimeIndex(unit: unit, step: try readInt(), last: try readInt())
    }

    private mutating func readCharacter() throws(Malformed) -> Character {
        let text = try readString()
        guard text.count == 1, let character = text.first else { throw malformed("one character") }
        return character
    }
}
