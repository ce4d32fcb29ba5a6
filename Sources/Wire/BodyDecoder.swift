/// Takes content out of its framing: by length, in chunks (RFC 9112, 7.1), or until the end.
///
/// A push value: give it input, pull events until nil. Slices of content are slices of the input, not copies.
struct BodyDecoder: Sendable {
    enum Event {
        case data(ArraySlice<UInt8>)
        case end
    }

    private enum State {
        case length(remaining: Int)
        case untilClose
        case chunkSize
        case chunkData(remaining: Int)
        /// The CR LF after a chunk's data.
        case chunkEnd(sawCarriageReturn: Bool)
        case trailer(bytes: Int, lines: Int)
        case ended
    }

    private var state: State
    private var lines = LineReader()
    private var extensionBytes = 0
    private let limits: Limits

    init(_ framing: Framing, limits: Limits) {
        self.limits = limits
        state =
            switch framing {
            case .none: .ended
            case .length(let count): .length(remaining: count)
            case .chunked: .chunkSize
            case .untilClose: .untilClose
            }
    }

    /// Content still to come, where the framing tells.
    var remaining: Int? {
        switch state {
        case .length(let remaining): remaining
        case .ended: 0
        default: nil
        }
    }

    /// The next piece of content, `.end` once it is complete (and again if asked again), or nil when more input is
    /// needed; all of `input` has been taken then.
    mutating func next(_ input: inout ArraySlice<UInt8>) throws(HTTPError) -> Event? {
        while true {
            switch state {
            case .length(let remaining):
                guard let data = take(remaining, from: &input) else { return nil }
                state = data.count == remaining ? .ended : .length(remaining: remaining - data.count)
                return .data(data)
            case .untilClose:
                guard let data = take(input.count, from: &input) else { return nil }
                return .data(data)
            case .chunkSize:
                guard let line = try line(&input, limit: Self.chunkSizeDigits + limits.chunkExtensionBytes + 2) else {
                    return nil
                }
                let size = try chunkSize(line)
                state = size == 0 ? .trailer(bytes: 0, lines: 0) : .chunkData(remaining: size)
            case .chunkData(let remaining):
                guard let data = take(remaining, from: &input) else { return nil }
                state =
                    data.count == remaining
                    ? .chunkEnd(sawCarriageReturn: false) : .chunkData(remaining: remaining - data.count)
                return .data(data)
            case .chunkEnd(let sawCarriageReturn):
                guard let byte = input.popFirst() else { return nil }
                guard byte == (sawCarriageReturn ? lineFeed : carriageReturn) else {
                    throw HTTPError(.malformed, "a chunk's data must end in CR LF after the announced length")
                }
                state = sawCarriageReturn ? .chunkSize : .chunkEnd(sawCarriageReturn: true)
            case .trailer(let bytes, let count):
                guard let line = try trailerLine(&input, taken: bytes) else { return nil }
                if line.isEmpty {
                    state = .ended
                } else {
                    guard count < limits.fieldCount else { throw tooManyTrailers }
                    _ = try FieldLine.parse(line)
                    state = .trailer(bytes: bytes + line.count + 2, lines: count + 1)
                }
            case .ended:
                return .end
            }
        }
    }

    /// The connection has ended. True: so has the content, properly.
    mutating func connectionEnded() -> Bool {
        switch state {
        case .untilClose, .ended:
            state = .ended
            return true
        default:
            return false
        }
    }

    private func take(_ count: Int, from input: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard !input.isEmpty else { return nil }
        let data = input.prefix(count)
        input = input[data.endIndex...]
        return data
    }

    private mutating func line(_ input: inout ArraySlice<UInt8>, limit: Int) throws(HTTPError) -> ArraySlice<UInt8>? {
        switch lines.next(&input, limit: limit) {
        case .line(let line): return line
        case .needsInput: return nil
        case .tooLong: throw tooManyExtensions
        case .bareLineFeed: throw HTTPError(.malformed, "a chunk's size line must end in CR LF")
        }
    }

    private mutating func trailerLine(_ input: inout ArraySlice<UInt8>, taken: Int) throws(HTTPError)
        -> ArraySlice<UInt8>?
    {
        switch lines.next(&input, limit: limits.trailerBytes - taken) {
        case .line(let line): return line
        case .needsInput: return nil
        case .tooLong: throw tooManyTrailers
        case .bareLineFeed: throw HTTPError(.malformed, "a trailer line must end in CR LF")
        }
    }

    /// `1A;name=value`: the size, and extensions that are counted and dropped.
    private mutating func chunkSize(_ line: ArraySlice<UInt8>) throws(HTTPError) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            guard let digit = hexDigit(byte) else { break }
            digits += 1
            guard digits <= Self.chunkSizeDigits else {
                throw HTTPError(.contentTooLarge(limit: Framing.largestContent), "a chunk is larger than any limit")
            }
            size = size << 4 | Int(digit)
        }
        let rest = line.dropFirst(digits)
        let separator = rest.drop(while: FieldLine.isBlank).first
        guard digits > 0, rest.isEmpty || separator == UInt8(ascii: ";"), !rest.contains(where: FieldLine.isControl)
        else {
            throw HTTPError(.malformed, "a chunk must begin with its size in hexadecimal digits")
        }
        extensionBytes += rest.count
        guard extensionBytes <= limits.chunkExtensionBytes else { throw tooManyExtensions }
        return size
    }

    private var tooManyExtensions: HTTPError {
        HTTPError(
            .contentTooLarge(limit: limits.chunkExtensionBytes),
            "the chunk extensions of a body may have \(limits.chunkExtensionBytes) bytes in all")
    }

    private var tooManyTrailers: HTTPError {
        HTTPError(
            .headTooLarge,
            "the trailers of a body may have \(limits.trailerBytes) bytes and \(limits.fieldCount) lines")
    }

    /// 2⁶⁰ − 1 in hexadecimal; one more digit would overflow.
    private static let chunkSizeDigits = 15
}
