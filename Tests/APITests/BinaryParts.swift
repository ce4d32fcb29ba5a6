import Kernels
import Resources

@testable import Networks
@testable import Service

/// The parts of a binary file, one after the other: what a test changes before it seals them again.
enum BinaryPart: Equatable {
    case byte(UInt8)
    case short(UInt32)
    case int(Int64)
    case float(Float)
    case double(Double)
    /// With its length before it, in 8 bytes or in 4.
    case text(String)
    case shortText(String)
    case floats([Float])
    case doubles([Double])
    /// As they are.
    case bytes([UInt8])

    func write(to bytes: inout [UInt8]) {
        func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        switch self {
        case .byte(let byte): bytes.append(byte)
        case .short(let number): append(number, to: &bytes)
        case .int(let number): append(number, to: &bytes)
        case .float(let number): append(number.bitPattern, to: &bytes)
        case .double(let number): append(number.bitPattern, to: &bytes)
        case .text(let text):
            append(Int64(text.utf8.count), to: &bytes)
            bytes += Array(text.utf8)
        case .shortText(let text):
            append(UInt32(text.utf8.count), to: &bytes)
            bytes += Array(text.utf8)
        case .floats(let numbers):
            append(Int64(numbers.count), to: &bytes)
            for number in numbers { append(number.bitPattern, to: &bytes) }
        case .doubles(let numbers):
            append(Int64(numbers.count), to: &bytes)
            for number in numbers { append(number.bitPattern, to: &bytes) }
        case .bytes(let own): bytes += own
        }
    }
}

extension [BinaryPart] {
    var bytes: [UInt8] { reduce(into: []) { $1.write(to: &$0) } }

    /// As a model file, with a right checksum.
    var sealedAsModel: [UInt8] { SealedFile(kind: "MODL", version: 1).seal(bytes) }

    /// As a state of a session, with a right checksum.
    var sealedAsState: [UInt8] { bytes + SHA256.digest(bytes) }

    /// The parts of a model file.
    init(_ model: Model) {
        self = []
        append(model.task)
        append(.int(Int64(model.transform.count)))
        for transform in model.transform {
            switch transform {
            case .log: append(.byte(0))
            case .difference: append(.byte(1))
            case .seasonalDifference(let period): self += [.byte(2), .int(Int64(period))]
            case .standardize: append(.byte(3))
            case .minMax: append(.byte(4))
            }
        }
        append(.int(Int64(model.inputs.columns.count)))
        for column in model.inputs.columns {
            append(.int(Int64(column.steps.count)))
            for step in column.steps {
                switch step {
                case .log: append(.byte(0))
                case .difference(let lag): self += [.byte(1), .int(Int64(lag))]
                case .scale(let offset, let divisor): self += [.byte(2), .double(offset), .double(divisor)]
                }
            }
        }
        append(.int(Int64(model.inputs.laggedColumns)))
        append(model.network)
        append(.floats(model.parameters.values))
        self += [.int(Int64(bitPattern: model.seed)), .text(model.datasetDigest)]
    }

    private mutating func append(_ network: NetworkDescription) {
        self += [.int(Int64(network.inputs)), .int(Int64(network.layers.count))]
        for layer in network.layers {
            append(.text(layer.cell.name.rawValue))
            append(.text(layer.cell.variant))
            append(.int(Int64(layer.hidden)))
        }
        self += [.float(network.dropout), .int(Int64(network.outputs)), .text(network.readout.rawValue)]
    }

    private mutating func append(_ task: ModelTask) {
        func names(_ names: [String]) -> [BinaryPart] { [.int(Int64(names.count))] + names.map { .text($0) } }
        switch task {
        case .classify(let classify): self += [.byte(1)] + names(classify.features) + names(classify.labels)
        case .forecast(let forecast):
            self += [.byte(0)] + names(forecast.targets) + names(forecast.features)
            self += forecast.time.map { [.byte(1), .text($0)] } ?? [.byte(0)]
            self += [.int(Int64(forecast.lookback)), .int(Int64(forecast.horizon))]
            self += forecast.season.map { [.byte(1), .int(Int64($0))] } ?? [.byte(0)]
            append(.int(Int64(forecast.tail.rows.count)))
            self += forecast.tail.rows.map { .doubles($0) }
            append(.byte(forecast.tail.time == nil ? 0 : 1))
            if let time = forecast.tail.time { append(time) }
        }
    }

    private mutating func append(_ time: TimeIndex) {
        switch time.unit {
        case .integer: append(.byte(0))
        case .month(let separator, let day):
            self += [.byte(1), .text(String(separator))]
            self += day.map { [.byte(1), .int(Int64($0))] } ?? [.byte(0)]
        case .quarter(let separator): self += [.byte(2), .text(separator)]
        case .day(let separator): self += [.byte(3), .text(String(separator))]
        case .second(let separator, let marker, let seconds, let suffix):
            self += [.byte(4), .text(String(separator)), .text(String(marker)), .byte(seconds ? 1 : 0), .text(suffix)]
        }
        self += [.int(Int64(time.step)), .int(Int64(time.last))]
    }

    /// The parts of a session's state, as a blob of version 2 has them.
    init(_ state: SessionState, of model: ServedModel) {
        let digest = stride(from: 0, to: model.digest.count, by: 2).map { place in
            UInt8(model.digest.dropFirst(place).prefix(2), radix: 16) ?? 0
        }
        self = [
            .bytes(Array<UInt8>("TSTEPST\u{2}".utf8)), .bytes(digest), .shortText(model.name),
            .int(Int64(model.version)),
            .shortText(model.precision.rawValue), .int(Int64(state.step)), .int(Int64(state.lags.count)),
            .int(Int64(state.lags.first?.count ?? 0)),
        ]
        for row in state.lags { self += row.map { .double($0) } }
        append(.int(Int64(state.network.steps)))
        for slot in model.stateLayout.slots { append(.floats([Float](state.network.values[slot.range]))) }
    }
}
