/// The head of a request: what is asked of which resource.
public struct RequestHead: Sendable, Hashable {
    public var method: Method
    /// The request target as it came: `/jobs/7?wait=30`, `*`, or `http://host/path`.
    public var rawTarget: String
    /// The path of the target, still percent-encoded (a `%2F` must not become a separator): `/jobs/7`, or `*`.
    public var path: String
    /// The query, decoded, in order, duplicates kept. A plus sign stays one: nothing here comes from an HTML form, and
    /// times of RFC 3339 carry it.
    public var query: [QueryItem]
    public var version: HTTPVersion
    public var fields: Fields
    /// The host that an absolute target names: `http://host/path`.
    public var authority: Authority?

    public struct QueryItem: Sendable, Hashable {
        public var name: String
        /// Empty where the item has no equals sign.
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Takes a target apart. Throws `HTTPError` with `.malformed` where it is none of the four forms of RFC 9112, 3.2,
    /// or its percent-encoding is broken.
    public init(method: Method, target: String, version: HTTPVersion = .http11, fields: Fields = Fields())
        throws(HTTPError)
    {
        self.method = method
        self.rawTarget = target
        self.version = version
        self.fields = fields
        (authority, path, query) = try RequestTarget.split(target, method: method)
    }

    /// The first query value under this name.
    public func queryValue(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}

/// The head of a response.
public struct ResponseHead: Sendable, Hashable {
    public var status: Int
    public var reason: String
    public var version: HTTPVersion
    public var fields: Fields

    public init(status: Int, reason: String = "", version: HTTPVersion = .http11, fields: Fields = Fields()) {
        self.status = status
        self.reason = reason
        self.version = version
        self.fields = fields
    }
}
