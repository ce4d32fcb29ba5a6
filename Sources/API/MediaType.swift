import Wire

/// The media types that come and go here, and how one is agreed upon.
enum MediaType: String, CaseIterable, Sendable {
    case json = "application/json"
    case ndjson = "application/x-ndjson"
    case eventStream = "text/event-stream"
    case octets = "application/octet-stream"
    case problem = "application/problem+json"
    case plain = "text/plain"
    case yaml = "application/yaml"

    /// Names under which people also know it.
    private static let aliases: [String: MediaType] = [
        "application/ndjson": .ndjson, "application/jsonl": .ndjson, "application/x-jsonlines": .ndjson,
        "application/json-lines": .ndjson, "text/json": .json,
    ]

    /// From the value of a `Content-Type` or an element of `Accept`; parameters are left out.
    init?(field: some StringProtocol) {
        let name = field.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)[0]
            .trimmingBlanks().lowercased()
        guard let type = MediaType(rawValue: name) ?? Self.aliases[name] else { return nil }
        self = type
    }

    /// The value of `Content-Type` in an answer.
    var field: String {
        switch self {
        case .plain: "text/plain; version=0.0.4; charset=utf-8"
        case .eventStream: "text/event-stream; charset=utf-8"
        default: rawValue
        }
    }

    /// What the client likes best among `offered`, whose first is the answer where it has no wish that can be met
    /// (RFC 9110, 12.5.1 lets a server answer as if there were no `Accept`).
    static func preferred(of offered: [MediaType], accept: [String]) -> MediaType {
        var best = (type: offered[0], quality: 0.0, specificity: -1)
        for element in accept.flatMap({ $0.split(separator: ",") }) {
            let quality = Self.quality(of: element)
            guard quality > 0 else { continue }
            for (type, specificity) in matches(element, offered)
            where quality > best.quality || (quality == best.quality && specificity > best.specificity) {
                best = (type, quality, specificity)
            }
        }
        return best.type
    }

    /// The first offered type that an element of `Accept` covers, and how closely: 2 by name, 1 by its family, 0 by any.
    private static func matches(_ element: Substring, _ offered: [MediaType]) -> [(MediaType, Int)] {
        if let named = MediaType(field: element) { return offered.contains(named) ? [(named, 2)] : [] }
        let range = element.split(separator: ";")[0].trimmingBlanks().lowercased()
        if range == "*/*" { return [(offered[0], 0)] }
        guard range.hasSuffix("/*") else { return [] }
        let family = range.dropLast()
        return offered.first { $0.rawValue.hasPrefix(family) }.map { [($0, 1)] } ?? []
    }

    private static func quality(of element: Substring) -> Double {
        for parameter in element.split(separator: ";").dropFirst() {
            let parts = parameter.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmingBlanks().lowercased() == "q" else { continue }
            return Double(parts[1].trimmingBlanks()) ?? 0
        }
        return 1
    }
}

extension StringProtocol {
    /// Without spaces and tabs at either end.
    func trimmingBlanks() -> String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" { text = text.dropFirst() }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
