import Wire

/// Keeps web pages of other origins from commanding this server through the browser of somebody who may reach it.
///
/// A page may send requests anywhere, though it cannot read the answers: so what changes something is refused where the
/// browser says that another origin is behind it. And a page may make its own name mean this machine (DNS rebinding),
/// and is then of the same origin: so a server that trusts whoever reaches it, one on loopback, answers only to names
/// that no foreign page can have.
struct BrowserGuard: Sendable {
    private let isOnLoopback: Bool
    private let demandsKey: Bool
    /// Names beside those of loopback, in small letters.
    private let allowedHosts: Set<String>

    /// Probes ask by whatever address they have, and learn nothing.
    private static let openPaths: Set<String> = ["/healthz", "/readyz"]

    init(_ configuration: APIConfiguration) {
        isOnLoopback = configuration.isOnLoopback
        demandsKey = !(configuration.apiKey?.isEmpty ?? true)
        allowedHosts = Set(configuration.allowedHosts.map { $0.lowercased() })
    }

    /// Why the request is refused; nil where it is not.
    func refusal(_ head: RequestHead) -> Problem? {
        // HTTP/1.0 may come without a name; no browser does.
        let named = head.authority ?? head.fields["Host"].flatMap { Authority($0) }
        if let named, !Self.openPaths.contains(head.path), !isServed(named) {
            return Problem(
                .hostNotAllowed,
                "this server does not answer to the host \"\(named.host)\"; ask for localhost or 127.0.0.1, or name the host "
                    + "in the server's setting allowed_hosts")
        }
        // With a key nothing more is needed: no browser adds it to the requests of a page that does not know it.
        guard !demandsKey, !Self.isSafe(head.method), isForeign(head.fields, named) else { return nil }
        return Problem(
            .foreignOrigin,
            "this request comes from a web page of another origin, which may not change anything here; send it from a program, "
                + "or give the server an API key")
    }

    private func isServed(_ named: Authority) -> Bool {
        if Self.isLoopbackName(named.host) || allowedHosts.contains(named.host) { return true }
        return allowedHosts.contains("*") || !isOnLoopback && allowedHosts.isEmpty
    }

    private static func isLoopbackName(_ host: String) -> Bool {
        APIConfiguration.isLoopback(host) || host.hasSuffix(".localhost")
    }

    /// What changes nothing, and what is no command of this server.
    private static func isSafe(_ method: Wire.Method) -> Bool {
        method == .get || method == .head || method == .options
    }

    /// Whether a browser says that the page behind the request is not of this server. Programs say neither.
    private func isForeign(_ fields: Fields, _ named: Authority?) -> Bool {
        for site in fields.values("Sec-Fetch-Site") where site != "same-origin" && site != "none" { return true }
        for origin in fields.values("Origin") where !Self.isOrigin(origin, of: named) { return true }
        return false
    }

    /// `scheme://host:port` of the same host and port; `null` is nobody's. Behind a proxy that speaks TLS the scheme
    /// differs, and neither side names the port.
    private static func isOrigin(_ origin: String, of named: Authority?) -> Bool {
        guard let named else { return false }
        for (scheme, port) in [("http://", 80), ("https://", 443)] where origin.lowercased().hasPrefix(scheme) {
            guard let source = Authority(origin.dropFirst(scheme.utf8.count)) else { return false }
            return source.host == named.host && (source.port ?? port) == (named.port ?? port)
        }
        return false
    }
}
