import Formats
import Foundation
import NamedFields
import Yams

/// The optional configuration file: a YAML mapping from keys of `ServerOption.all` to values.
///
///     # timestep.yaml
///     port: 9000
///     data: /var/lib/timestep
///     session_ttl: 10m
///
/// Values are read as text and go the way of flags, so `9000` and `"9000"` mean the same.
struct ConfigurationFile {
    var path: String
    var values: [String: String]
    /// What is wrong with single lines: every unknown key and every value that is no plain value. Whoever resolves the
    /// settings tells it together with the values that are wrong.
    var problems: [String] = []

    /// Throws where there is no file, or no mapping in it.
    init(path: String) throws(CommandError) {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw CommandError(.configuration, "cannot read the configuration file \(path): \(reason(error))")
        }
        try self.init(path: path, text: text)
    }

    init(path: String, text: String) throws(CommandError) {
        self.path = path
        values = [:]
        let document: Node?
        do {
            document = try Yams.compose(yaml: text)
        } catch {
            throw CommandError(.configuration, "\(path) is not YAML: \(error)")
        }
        // A file of comments only sets nothing.
        guard let document, document.null == nil else { return }
        guard case .mapping(let mapping) = document else {
            throw CommandError(.configuration, "\(path): expected lines like \"port: 8080\" at the top level")
        }
        for (key, value) in mapping {
            let line = key.mark.map { ":\($0.line)" } ?? ""
            let name = key.string ?? "?"
            guard ServerOption.all.contains(where: { $0.key == name }) else {
                problems.append("\(path)\(line): unknown key \"\(name)\"\(Self.suggestion(for: name))")
                continue
            }
            guard let scalar = value.scalar else {
                problems.append("\(path)\(line): \(name) must be one plain value")
                continue
            }
            values[name] = scalar.string
        }
    }

    static func suggestion(for name: String) -> String {
        let keys = ServerOption.all.map(\.key)
        guard let key = Suggestion.nearest(to: name.replacing("-", with: "_"), among: keys) else {
            return "; the keys are " + keys.joined(separator: ", ")
        }
        return "; did you mean \"\(key)\"?"
    }
}

/// What the system said, without the wrapping that Foundation puts around it.
private func reason(_ error: any Error) -> String {
    let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
    if let underlying, underlying.domain == NSPOSIXErrorDomain {
        return String(cString: strerror(Int32(underlying.code)))
    }
    return error.localizedDescription
}
