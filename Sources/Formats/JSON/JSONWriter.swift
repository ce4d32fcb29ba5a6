/// Writes JSON text into one growing array of bytes. Commas and colons come by themselves.
///
///     var writer = JSONWriter()
///     writer.object { writer in
///         writer.key("outputs"); writer.floats(values)
///     }
///     let bytes = writer.take()
///
/// NaN and infinities have no JSON form and become `null`.
public struct JSONWriter: Sendable {
    private var storage: [UInt8]
    private var count = 0
    private let powers = PowersOfTen()
    /// The next value follows another in its array or object.
    private var needsComma = false

    public init(capacity: Int = 256) { storage = [UInt8](repeating: 0, count: max(capacity, NumberPrinting.room)) }

    private init(_ storage: [UInt8]) { self.storage = storage }

    /// What has been written so far (a copy; `take` hands it over without one).
    public var bytes: [UInt8] { Array(storage[..<count]) }
    public var byteCount: Int { count }
    /// Bytes that it holds memory for.
    public var capacity: Int { storage.count }
    public var text: String { String(decoding: storage[..<count], as: UTF8.self) }

    /// Hands the bytes over and starts anew.
    public mutating func take() -> [UInt8] {
        storage.removeLast(storage.count - count)
        let result = storage
        // It has memory again when there is something to write.
        self = JSONWriter([])
        return result
    }

    // MARK: Structure

    public mutating func beginObject() { open(Ascii.openBrace) }
    public mutating func endObject() { close(Ascii.closeBrace) }
    public mutating func beginArray() { open(Ascii.openBracket) }
    public mutating func endArray() { close(Ascii.closeBracket) }

    public mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
        beginObject()
        try body(&self)
        endObject()
    }

    public mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
        beginArray()
        try body(&self)
        endArray()
    }

    public mutating func key(_ key: String) {
        string(key)
        put(Ascii.colon)
        needsComma = false
    }

    /// Raw bytes outside the structure: a line end between NDJSON records, a prefix of an event. No comma precedes
    /// or follows them.
    public mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { append($0) }
        needsComma = false
    }

    // MARK: Values

    public mutating func null() { literal("null") }
    public mutating func bool(_ value: Bool) { literal(value ? "true" : "false") }

    public mutating func int(_ value: Int) {
        separate()
        write { target, _ in NumberPrinting.write(value, to: target) }
        needsComma = true
    }

    /// The shortest text that reads back as the same binary64 number.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        write { NumberPrinting.write(value, to: $0, $1) }
        needsComma = true
    }

    /// The shortest text that reads back as the same binary32 number.
    public mutating func float(_ value: Float) {
        guard value.isFinite else { return null() }
        separate()
        write { NumberPrinting.write(value, to: $0, $1) }
        needsComma = true
    }

    public mutating func string(_ value: String) {
        separate()
        var value = value
        value.withUTF8 { escaped($0) }
        needsComma = true
    }

    /// JSON text that is known to be one valid value, copied as it is.
    public mutating func verbatim(_ json: some Sequence<UInt8>) {
        separate()
        let bytes = Array(json)
        bytes.withUnsafeBufferPointer { append($0) }
        needsComma = true
    }

    // MARK: Arrays of numbers, the fast path

    /// `[0.5,1,null]`
    public mutating func floats(_ values: UnsafeBufferPointer<Float>) {
        numbers(values, width: nil) { NumberPrinting.write($0, to: $1, $2) }
    }

    public mutating func floats(_ values: [Float]) { values.withUnsafeBufferPointer { floats($0) } }

    public mutating func doubles(_ values: UnsafeBufferPointer<Double>) {
        numbers(values, width: nil) { NumberPrinting.write($0, to: $1, $2) }
    }

    public mutating func doubles(_ values: [Double]) { values.withUnsafeBufferPointer { doubles($0) } }

    /// Rows of equal width: `[[1,2],[3,4]]`. `values` holds whole rows.
    public mutating func rows(_ values: UnsafeBufferPointer<Float>, width: Int) {
        numbers(values, width: width) { NumberPrinting.write($0, to: $1, $2) }
    }

    public mutating func rows(_ values: UnsafeBufferPointer<Double>, width: Int) {
        numbers(values, width: width) { NumberPrinting.write($0, to: $1, $2) }
    }

    /// An array of numbers, or of rows of `width` numbers. The room is checked once for a block of numbers.
    @inline(__always)
    private mutating func numbers<T: BinaryFloatingPoint>(
        _ values: UnsafeBufferPointer<T>, width: Int?,
        _ write: (T, UnsafeMutablePointer<UInt8>, PowersOfTen) -> Int
    ) {
        guard !values.isEmpty else { return array { _ in } }
        precondition(width.map { $0 > 0 && values.count % $0 == 0 } ?? true, "\(values.count) values are no whole rows")
        let block = 256
        let mostBytes = 28  // 24 of a number such as -1.2345678901234567e-308, two brackets and a comma
        beginArray()
        var column = 0
        for start in stride(from: 0, to: values.count, by: block) {
            reserve(block * mostBytes + NumberPrinting.room)
            let powers = self.powers
            let offset = count
            count += storage.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                var position = base + offset
                for index in start..<min(start + block, values.count) {
                    if width != nil, column == 0 {
                        position.pointee = Ascii.openBracket
                        position += 1
                    }
                    let value = values[index]
                    position += value.isFinite ? write(value, position, powers) : Self.writeNull(position)
                    if let width {
                        column &+= 1
                        if column == width {
                            position.pointee = Ascii.closeBracket
                            position += 1
                            column = 0
                        }
                    }
                    position.pointee = Ascii.comma
                    position += 1
                }
                return position - (base + offset)
            }
        }
        count -= 1  // the last comma
        endArray()
    }

    private static func writeNull(_ target: UnsafeMutablePointer<UInt8>) -> Int {
        UnsafeMutableRawPointer(target).storeBytes(of: UInt32(0x6C6C_756E).littleEndian, as: UInt32.self)
        return 4
    }

    // MARK: Bytes

    private mutating func open(_ bracket: UInt8) {
        separate()
        put(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        put(bracket)
        needsComma = true
    }

    private mutating func separate() { if needsComma { put(Ascii.comma) } }

    private mutating func literal(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { append($0) }
        needsComma = true
    }

    private mutating func put(_ byte: UInt8) {
        reserve(1)
        storage[count] = byte
        count += 1
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        reserve(bytes.count)
        storage.withUnsafeMutableBufferPointer { buffer in
            if let base = buffer.baseAddress, let source = bytes.baseAddress {
                (base + count).update(from: source, count: bytes.count)
            }
        }
        count += bytes.count
    }

    private mutating func write(_ body: (UnsafeMutablePointer<UInt8>, PowersOfTen) -> Int) {
        reserve(NumberPrinting.room)
        let start = count
        let powers = self.powers
        count += storage.withUnsafeMutableBufferPointer { buffer in
            buffer.baseAddress.map { body($0 + start, powers) } ?? 0
        }
    }

    private mutating func reserve(_ room: Int) {
        guard storage.count - count < room else { return }
        let target = max(storage.count * 2, count + room, NumberPrinting.room)
        storage.reserveCapacity(target)
        storage.append(contentsOf: repeatElement(0, count: target - storage.count))
    }

    private mutating func escaped(_ text: UnsafeBufferPointer<UInt8>) {
        put(Ascii.quote)
        var plainStart = 0
        for position in text.indices {
            let byte = text[position]
            guard byte == Ascii.quote || byte == Ascii.backslash || byte < 0x20 || byte == 0x7F else { continue }
            append(UnsafeBufferPointer(rebasing: text[plainStart..<position]))
            escape(byte)
            plainStart = position + 1
        }
        append(UnsafeBufferPointer(rebasing: text[plainStart...]))
        put(Ascii.quote)
    }

    private mutating func escape(_ byte: UInt8) {
        put(Ascii.backslash)
        switch byte {
        case Ascii.quote, Ascii.backslash: put(byte)
        case Ascii.newline: put(UInt8(ascii: "n"))
        case Ascii.carriageReturn: put(UInt8(ascii: "r"))
        case Ascii.tab: put(UInt8(ascii: "t"))
        default:
            let digits = Array("0123456789abcdef".utf8)
            for part in [UInt8(ascii: "u"), Ascii.zero, Ascii.zero, digits[Int(byte >> 4)], digits[Int(byte & 15)]] {
                put(part)
            }
        }
    }
}
