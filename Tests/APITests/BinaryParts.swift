import Kernels
import NamedFields
import Resources

@testable import Models
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
    var sealedAsModel: [UInt8] { SealedFile(kind: "MODL", version: 2).seal(bytes) }

    /// As a state of a session, with a right checksum.
    var sealedAsState: [UInt8] { bytes + SHA256.digest(bytes) }

    /// The parts of a model file.
    ///
    /// - Parameter fields: what stands there by name, if not what the model has.
    init(_ model: Model, fields: FieldValue? = nil) {
        self = []
        append(fields ?? ModelFile.fields(of: model))
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
        if case .forecast(let forecast) = model.task {
            append(.int(Int64(forecast.tail.rows.count)))
            self += forecast.tail.rows.map { .doubles($0) }
            append(.byte(forecast.tail.time == nil ? 0 : 1))
            if let time = forecast.tail.time { append(time) }
        }
        append(.int(Int64(model.parameters.layout.tensors.count)))
        for tensor in model.parameters.layout.tensors {
            self += [.text(tensor.name), .int(Int64(tensor.shape.count))] + tensor.shape.map { .int(Int64($0)) }
            append(.floats(Array<Float>(model.parameters.values[tensor.range])))
        }
        self += [.int(Int64(bitPattern: model.seed)), .text(model.datasetDigest)]
    }

    private mutating func append(_ value: FieldValue) {
        switch value {
        case .null, .other: append(.byte(0))
        case .flag(let flag): append(.byte(flag ? 2 : 1))
        case .integer(let number): self += [.byte(3), .int(Int64(number))]
        case .number(let number): self += [.byte(4), .double(number)]
        case .text(let text): self += [.byte(5), .text(text)]
        case .list(let elements):
            self += [.byte(6), .short(UInt32(elements.count))]
            for element in elements { append(element) }
        case .members(let members):
            self += [.byte(7), .short(UInt32(members.count))]
            for member in members {
                append(BinaryPart.text(member.name))
                append(member.value)
            }
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
