/// Writes the head of a response.
enum ResponseWriter {
    /// What the connection decides about a response, whatever the handler's fields say.
    struct Frame {
        enum Content {
            /// No content and no word about its length: 204, 304.
            case none
            case length(Int)
            case chunked
            case untilClose
        }

        var content: Content
        /// The value of `Connection`, where it must be said.
        var connection: StaticString?
    }

    /// Appends status line, fields and the empty line.
    ///
    /// `date`: a whole field line with its end, made once a second. Framing fields among `fields` are left out in favour
    /// of the frame's; so is a field whose name is no token, and control characters in values become spaces: a handler
    /// that echoes a client's text must not be able to begin another field with it (response splitting).
    static func append(status: Int, fields: Fields, frame: Frame, date: [UInt8], to bytes: inout [UInt8]) {
        bytes += "HTTP/1.1 ".utf8
        append(status, to: &bytes)
        bytes.append(0x20)
        bytes += Status.phrase(status).utf8
        bytes += lineEnd
        bytes += date
        for field in fields where !isFraming(field.name) && FieldLine.isValidName(field.name) {
            bytes += field.name.utf8
            bytes += separator
            if field.value.utf8.contains(where: FieldLine.isControl) {
                bytes += field.value.utf8.map { FieldLine.isControl($0) ? 0x20 : $0 }
            } else {
                bytes += field.value.utf8
            }
            bytes += lineEnd
        }
        switch frame.content {
        case .none, .untilClose: break
        case .length(let count):
            bytes += "Content-Length: ".utf8
            append(count, to: &bytes)
            bytes += lineEnd
        case .chunked:
            bytes += "Transfer-Encoding: chunked\r\n".utf8
        }
        if let connection = frame.connection {
            bytes += "Connection: ".utf8
            bytes += UnsafeBufferPointer(start: connection.utf8Start, count: connection.utf8CodeUnitCount)
            bytes += lineEnd
        }
        bytes += lineEnd
    }

    /// Appends a chunk's size line.
    static func appendChunkSize(_ count: Int, to bytes: inout [UInt8]) {
        bytes += String(count, radix: 16).utf8
        bytes += lineEnd
    }

    /// Appends decimal digits; `number` is not negative.
    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &bytes) }
        bytes.append(0x30 + UInt8(number % 10))
    }

    /// Fields the connection alone writes.
    private static func isFraming(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: equalWithoutCase(name, "date")
        case 10: equalWithoutCase(name, "connection") || equalWithoutCase(name, "keep-alive")
        case 14: equalWithoutCase(name, "content-length")
        case 17: equalWithoutCase(name, "transfer-encoding")
        default: false
        }
    }

    static let lineEnd: [UInt8] = [carriageReturn, lineFeed]
    private static let separator = Array(": ".utf8)
}
