import Wire

/// A whole answer. Framing fields (`Content-Length`, `Connection`, `Date`) are the server's to add; `Connection: close`
/// here is heeded.
public struct Response: Sendable {
    public var status: Int
    public var fields: Fields
    public var body: ResponseBody

    public init(status: Int, fields: Fields = [:], body: ResponseBody = .none) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// Text of a media type, in UTF-8.
    public init(status: Int = 200, type: String, text: String, fields: Fields = [:]) {
        self.init(status: status, type: type, bytes: Array(text.utf8), fields: fields)
    }

    public init(status: Int = 200, type: String, bytes: [UInt8], fields: Fields = [:]) {
        self.status = status
        self.fields = fields
        self.fields["Content-Type"] = type
        body = .bytes(bytes)
    }
}

public enum ResponseBody: Sendable {
    case none
    case bytes([UInt8])
    /// The file at this path, as long as it is when it is opened, sent in pieces as the peer takes them. Give the
    /// media type in the fields.
    case file(path: String)
}
