/// Cuts lines out of input that arrives in any pieces.
///
/// A line that lies whole in one piece is not copied. Lines end in CR LF, never in a bare LF: two parsers that disagree
/// about where a line ends see two different messages (RFC 9112, 2.2 permits the leniency, request smuggling lives
/// on it).
struct LineReader: Sendable {
    enum Result {
        /// Without its CR LF.
        case line(ArraySlice<UInt8>)
        case needsInput
        /// Longer than the limit, whether or not its end has been seen.
        case tooLong
        case bareLineFeed
    }

    private var partial: [UInt8] = []

    /// True where the beginning of a line is held.
    var isInsideLine: Bool { !partial.isEmpty }

    /// The first byte of the unfinished line; nil where none is held.
    var first: UInt8? { partial.first }

    /// Bytes of the unfinished line.
    var held: Int { partial.count }

    /// Takes one line off the input. `limit` counts the bytes of the line with its end.
    ///
    /// The verdict depends on the bytes alone and not on how they were cut into pieces: the length is judged before the
    /// line end.
    mutating func next(_ input: inout ArraySlice<UInt8>, limit: Int) -> Result {
        guard let end = indexOfLineFeed(input) else {
            if partial.count + input.count >= limit { return .tooLong }
            partial += input
            input = input[input.endIndex...]
            return .needsInput
        }
        guard partial.count + (end - input.startIndex) + 1 <= limit else { return .tooLong }
        var line = input[..<end]
        input = input[(end + 1)...]
        if !partial.isEmpty {
            partial += line
            line = partial[...]
            partial = []
        }
        guard line.last == carriageReturn else { return .bareLineFeed }
        return .line(line.dropLast())
    }
}

let carriageReturn = UInt8(ascii: "\r")
let lineFeed = UInt8(ascii: "\n")

/// Where the first LF stands, as an index of the slice.
private func indexOfLineFeed(_ input: ArraySlice<UInt8>) -> Int? {
    input.withUnsafeBufferPointer { bytes in
        for offset in 0..<bytes.count where bytes[offset] == lineFeed { return input.startIndex + offset }
        return nil
    }
}
