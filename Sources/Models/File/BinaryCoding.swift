import Networks

/// Writes the payload of our own files: little-endian numbers, counted strings and arrays, one after the other.
public struct BinaryWriter {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func write(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func write(_ value: Int) { write(Int64(value)) }
    public mutating func write(_ value: Bool) { bytes.append(value ? 1 : 0) }
    public mutating func write(_ value: Float) { write(value.bitPattern) }
    public mutating func write(_ value: Double) { write(value.bitPattern) }

    public mutating func write(_ value: String) {
        write(value.utf8.count)
        bytes.append(contentsOf: value.utf8)
    }

    public mutating func write(_ values: [UInt8]) {
        write(values.count)
        bytes.append(contentsOf: values)
    }

    public mutating func write(_ values: [Float]) {
        write(values.count)
        for value in values { write(value) }
    }

    public mutating func write(_ values: [Double]) {
        write(values.count)
        for value in values { write(value) }
    }

    public mutating func write<Element>(_ values: [Element], _ each: (inout BinaryWriter, Element) -> Void) {
        write(values.count)
        for value in values { each(&self, value) }
    }

    public mutating func write<Value>(_ value: Value?, _ some: (inout BinaryWriter, Value) -> Void) {
        write(value != nil)
        if let value { some(&self, value) }
    }
}

/// Reads what a `BinaryWriter` wrote, or what somebody else made of it: a checksum is no signature. Counts are checked
/// against what is left before anything is allocated, and every number that means something else than itself is read
/// within bounds.
public struct BinaryReader {
    /// The payload ends where a value should stand, or holds what no value looks like.
    public struct Malformed: Error, Hashable, Sendable {
        public var offset: Int
        public var expectation: String
    }

    private let bytes: [UInt8]
    public private(set) var offset = 0

    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    public var isAtEnd: Bool { offset == bytes.count }
    /// Bytes that were not read yet.
    public var left: Int { bytes.count - offset }

    public func malformed(_ expectation: String) -> Malformed { Malformed(offset: offset, expectation: expectation) }

    public mutating func read<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(Malformed) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - offset >= size else { throw malformed("a number of \(size) bytes") }
        var value: Number = 0
        withUnsafeMutableBytes(of: &value) { target in
            for index in 0..<size { target[index] = bytes[offset + index] }
        }
        offset += size
        return Number(littleEndian: value)
    }

    /// - Parameter what: what the number is, for the error.
    public mutating func readInt(in range: ClosedRange<Int>, _ what: String) throws(Malformed) -> Int {
        let start = offset
        let value = try read(Int64.self)
        guard range.contains(Int(value)) else {
            throw Malformed(
                offset: start, expectation: "\(what) from \(range.lowerBound) to \(range.upperBound), not \(value),")
        }
        return Int(value)
    }

    /// As it was written, infinite or no number too.
    public mutating func readAnyDouble() throws(Malformed) -> Double { Double(bitPattern: try read()) }

    public mutating func readFloat() throws(Malformed) -> Float {
        let value = Float(bitPattern: try read())
        guard value.isFinite else { throw malformed("a finite number before this") }
        return value
    }

    public mutating func readDouble() throws(Malformed) -> Double {
        let value = Double(bitPattern: try read())
        guard value.isFinite else { throw malformed("a finite number before this") }
        return value
    }

    public mutating func readBool() throws(Malformed) -> Bool {
        let byte = try read(UInt8.self)
        guard byte < 2 else { throw malformed("0 or 1") }
        return byte == 1
    }

    /// A count of things that take at least `size` bytes each, so that what is left can hold them.
    public mutating func readCount(size: Int, in range: ClosedRange<Int> = 0...Int.max) throws(Malformed) -> Int {
        let start = offset
        let count = try readInt(in: range, "a count")
        guard count <= (bytes.count - offset) / max(size, 1) else {
            throw Malformed(offset: start, expectation: "a count of things that are there")
        }
        return count
    }

    /// - Parameter most: of its bytes.
    public mutating func readString(most: Int = Int.max) throws(Malformed) -> String {
        try readText(readCount(size: 1, in: 0...most))
    }

    /// A text of so many bytes.
    public mutating func readText(_ count: Int) throws(Malformed) -> String {
        guard (0...bytes.count - offset).contains(count) else { throw malformed("\(count) bytes of text") }
        guard let text = String(validating: bytes[offset..<offset + count], as: UTF8.self) else {
            throw malformed("UTF-8")
        }
        offset += count
        return text
    }

    public mutating func readBytes() throws(Malformed) -> [UInt8] {
        let count = try readCount(size: 1)
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// So many bytes.
    public mutating func readBytes(_ count: Int) throws(Malformed) -> [UInt8] {
        guard (0...bytes.count - offset).contains(count) else { throw malformed("\(count) bytes") }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// Finite numbers, as many as are asked for.
    public mutating func readFloats(_ count: Int) throws(Malformed) -> [Float] {
        let values = try readAnyFloats(count)
        guard values.allSatisfy(\.isFinite) else { throw malformed("\(count) finite numbers before this") }
        return values
    }

    /// As many as are asked for, as they were written.
    public mutating func readAnyFloats(_ count: Int) throws(Malformed) -> [Float] {
        _ = try readCount(size: 4, in: count...count)
        var values: [Float] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(Float(bitPattern: try read())) }
        return values
    }

    /// Finite numbers, as many as are asked for.
    public mutating func readDoubles(_ count: Int) throws(Malformed) -> [Double] {
        _ = try readCount(size: 8, in: count...count)
        var values: [Double] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try readDouble()) }
        return values
    }

    /// - Parameters:
    ///   - size: the least bytes an element can take.
    ///   - range: how many there may be.
    public mutating func readArray<Element>(
        size: Int, in range: ClosedRange<Int>, _ each: (inout BinaryReader) throws(Malformed) -> Element
    ) throws(Malformed) -> [Element] {
        let count = try readCount(size: size, in: range)
        var values: [Element] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try each(&self)) }
        return values
    }

    public mutating func readOptional<Value>(
        _ some: (inout BinaryReader) throws(Malformed) -> Value
    ) throws(Malformed) -> Value? {
        try readBool() ? try some(&self) : nil
    }
}
