import Glibc
import Synchronization
import Wire

/// Keeps web pages of other origins from commanding this server through the browser of somebody who may reach it.
///
/// A page may send requests anywhere, though it cannot read the answers: so what changes something is refused where the
/// browser says that another origin is behind it. And a page may make its own name mean this machine (DNS rebinding),
/// and is then of the same origin: so a server that trusts whoever reaches it, one on loopback without a key, answers
/// only to names that no foreign page can have.
final class BrowserGuard: Sendable {
    private struct Verdict {
        /// As the field has it.
        var host: String
        var isServed: Bool
    }

    private let demandsKey: Bool
    /// Names beside those of loopback, in small letters.
    private let allowedHosts: Set<String>
    private let servesAll: Bool
    /// Hardly any client changes the name it asks for, so the last one need not be taken apart again.
    private let lastVerdict = Mutex(Verdict(host: "", isServed: false))

    init(_ configuration: APIConfiguration) {
        demandsKey = !(configuration.apiKey?.isEmpty ?? true)
        allowedHosts = Set(configuration.allowedHosts.map { Self.bare($0.lowercased()) })
        servesAll =
            allowedHosts.contains("*") || allowedHosts.isEmpty && (demandsKey || !configuration.isOnLoopback)
    }

    /// Why the request is refused; nil where it is not.
    func refusal(_ head: RequestHead) -> Problem? {
        if !servesAll, !Self.isOpen(head.path), let host = foreignHost(head) {
            return Problem(
                .hostNotAllowed,
                "this server does not answer to the host \"\(host)\"; ask for localhost or 127.0.0.1, or name the host "
                    + "in the server's setting allowed_hosts")
        }
        // With a key nothing more is needed: no browser adds it to the requests of a page that does not know it.
        guard !demandsKey, !Self.isSafe(head.method), isForeign(head) else { return nil }
        return Problem(
            .foreignOrigin,
            "this request comes from a web page of another origin, which may not change anything here; send it from a program, "
                + "name the page's host in the server's setting allowed_hosts, or give the server an API key")
    }

    /// Probes ask by whatever address they have, and learn nothing.
    private static func isOpen(_ path: String) -> Bool {
        path == "/healthz" || path == "/readyz"
    }

    // MARK: Hosts

    /// The host that is asked for where this server does not answer to it.
    private func foreignHost(_ head: RequestHead) -> String? {
        if let named = head.authority { return isServed(named) ? nil : named.host }
        // HTTP/1.0 may come without a name; no browser does.
        guard let text = head.fields["Host"] else { return nil }
        if let known = lastVerdict.withLock({ $0.host == text ? $0.isServed : nil }) {
            if known { return nil }
        }
        guard let named = Authority(text) else { return nil }
        let isServed = isServed(named)
        lastVerdict.withLock { $0 = Verdict(host: text, isServed: isServed) }
        return isServed ? nil : named.host
    }

    private func isServed(_ named: Authority) -> Bool {
        servesAll || Self.isLoopback(named) || allowedHosts.contains(Self.bare(named.host))
    }

    /// Whether the host can only mean the machine that asks: a name that resolvers keep to themselves, or an address,
    /// which no resolver is asked for. The unspecified address is what a server was told to listen on, and reaches this
    /// machine where it reaches anything.
    private static func isLoopback(_ named: Authority) -> Bool {
        if named.isAddressLiteral { return isLoopbackAddress(named.host) }
        let host = bare(named.host)
        return host == "0.0.0.0" || APIConfiguration.isLoopback(host) || host.hasSuffix(".localhost")
    }

    /// An IPv6 address, or an IPv4 one in its clothes.
    private static func isLoopbackAddress(_ text: String) -> Bool {
        var address = in6_addr()
        guard inet_pton(AF_INET6, text, &address) == 1 else { return false }
        let bytes = withUnsafeBytes(of: address) { Array($0) }
        guard bytes.prefix(10).allSatisfy({ $0 == 0 }) else { return false }
        if bytes[10] == 0xFF && bytes[11] == 0xFF { return bytes[12] == 127 || bytes[12...].allSatisfy { $0 == 0 } }
        return bytes[10..<15].allSatisfy { $0 == 0 } && bytes[15] <= 1
    }

    /// Without the dot that says that a name is whole.
    private static func bare(_ host: String) -> String {
        host.count > 1 && host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    // MARK: Origins

    /// What changes nothing, and what is no command of this server.
    private static func isSafe(_ method: Wire.Method) -> Bool {
        method == .get || method == .head || method == .options
    }

    /// Whether a browser says that the page behind the request is not of this server. Programs say neither.
    private func isForeign(_ head: RequestHead) -> Bool {
        for site in head.fields.values("Sec-Fetch-Site") where site != "same-origin" && site != "none" { return true }
        for origin in head.fields.values("Origin") {
            let named = head.authority ?? head.fields["Host"].flatMap { Authority($0) }
            guard let named, isOwn(origin, named) else { return true }
        }
        return false
    }

    /// `scheme://host:port` of the host and port that are asked for; `null` is nobody's. Behind a proxy that speaks TLS
    /// the scheme differs, and neither side names the port; one that puts a host of its own into the request leaves only
    /// the origin to tell the name that the browser knows, and that one is in the settings.
    private func isOwn(_ origin: String, _ named: Authority) -> Bool {
        for (scheme, port) in [("http://", 80), ("https://", 443)] where origin.lowercased().hasPrefix(scheme) {
            guard let source = Authority(origin.dropFirst(scheme.utf8.count)) else { return false }
            if source.host == named.host && (source.port ?? port) == (named.port ?? port) { return true }
            // Names of loopback are those of every other server of this machine too.
            return !Self.isLoopback(source) && allowedHosts.contains(Self.bare(source.host))
        }
        return false
    }
}
