import Wire

/// Finds the route of a request: a tree over path segments, a literal segment before a capture.
struct Router: Sendable {
    enum Match {
        case found(route: Int, parameters: [String: String])
        /// The resource exists; these are its methods.
        case otherMethod(allow: [Wire.Method])
        case none
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var capture: Int?
        var endpoints: [Endpoint] = []
    }

    private struct Endpoint: Sendable {
        var method: Wire.Method
        var route: Int
        /// Names of the captures on the way here, in order.
        var names: [String]
    }

    private var nodes = [Node()]
    /// Patterns without captures, as paths: most requests end their search here.
    private var literals: [String: [Endpoint]] = [:]
    /// Every method of the table, for `OPTIONS *`.
    let methods: [Wire.Method]

    init(_ routes: [Route]) throws(ServerError) {
        methods = Self.allow(routes.map(\.method))
        for (index, route) in routes.enumerated() {
            try insert(route, index)
        }
    }

    func match(_ method: Wire.Method, path: String) throws(HTTPError) -> Match {
        guard path.utf8.first == UInt8(ascii: "/") else { return .none }
        if let endpoint = literals[path].flatMap({ Self.endpoint($0, method) }) {
            return .found(route: endpoint.route, parameters: [:])
        }
        let segments = try RequestTarget.segments(ofPath: path)
        var captured: [String] = []
        var found: (Endpoint, [String])?
        var others: [Wire.Method] = []
        walk(0, segments[...], &captured) { endpoints, values in
            if let endpoint = Self.endpoint(endpoints, method) {
                found = (endpoint, values)
                return true
            }
            others += endpoints.map(\.method)
            return false
        }
        guard let (endpoint, values) = found else {
            return others.isEmpty ? .none : .otherMethod(allow: Self.allow(others))
        }
        var parameters: [String: String] = [:]
        for (name, value) in zip(endpoint.names, values) { parameters[name] = value }
        return .found(route: endpoint.route, parameters: parameters)
    }

    /// HEAD is GET without the content, unless somebody answers it on purpose.
    private static func endpoint(_ endpoints: [Endpoint], _ method: Wire.Method) -> Endpoint? {
        endpoints.first { $0.method == method } ?? (method == .head ? endpoints.first { $0.method == .get } : nil)
    }

    /// Visits the places a path may mean, the best first, until `visit` is content.
    @discardableResult
    private func walk(
        _ node: Int, _ segments: ArraySlice<String>, _ captured: inout [String], _ visit: ([Endpoint], [String]) -> Bool
    ) -> Bool {
        guard let segment = segments.first else {
            let endpoints = nodes[node].endpoints
            return !endpoints.isEmpty && visit(endpoints, captured)
        }
        if let next = nodes[node].literals[segment], walk(next, segments.dropFirst(), &captured, visit) { return true }
        // An empty segment names nothing: `/jobs/` is not a job.
        guard let next = nodes[node].capture, !segment.isEmpty else { return false }
        captured.append(segment)
        defer { captured.removeLast() }
        return walk(next, segments.dropFirst(), &captured, visit)
    }

    private mutating func insert(_ route: Route, _ index: Int) throws(ServerError) {
        guard route.pattern.utf8.first == UInt8(ascii: "/") else {
            throw ServerError(.invalidRoutes, "the pattern \"\(route.pattern)\" does not begin with \"/\"")
        }
        if case .stream = route.body, case .onLoop = route.execution {
            throw ServerError(
                .invalidRoutes, "\(route.method) \(route.pattern) reads its body as it comes and would block the loop")
        }
        var node = 0
        var names: [String] = []
        for part in route.pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            if part.hasPrefix("{") && part.hasSuffix("}") {
                names.append(String(part.dropFirst().dropLast()))
                node = nodes[node].capture ?? append { $0[node].capture = $1 }
            } else {
                let literal = String(part)
                node = nodes[node].literals[literal] ?? append { $0[node].literals[literal] = $1 }
            }
        }
        guard !nodes[node].endpoints.contains(where: { $0.method == route.method }) else {
            throw ServerError(.invalidRoutes, "there are two routes for \(route.method) \(route.pattern)")
        }
        let endpoint = Endpoint(method: route.method, route: index, names: names)
        nodes[node].endpoints.append(endpoint)
        if names.isEmpty { literals[route.pattern, default: []].append(endpoint) }
    }

    private mutating func append(_ link: (inout [Node], Int) -> Void) -> Int {
        nodes.append(Node())
        link(&nodes, nodes.count - 1)
        return nodes.count - 1
    }

    /// The methods a client may use where these are implemented: with HEAD beside GET, and OPTIONS, in a fixed order.
    private static func allow(_ methods: [Wire.Method]) -> [Wire.Method] {
        var all = Set(methods)
        if all.contains(.get) { all.insert(.head) }
        all.insert(.options)
        return all.sorted { $0.rawValue < $1.rawValue }
    }
}
