import ArgumentParser
import Formats
import Foundation

/// What every command that talks to a server takes.
struct ClientOptions: ParsableArguments {
    static let serverVariable = "TIMESTEP_SERVER"
    static let defaultServer = "http://127.0.0.1:8080"

    @Option(
        help: ArgumentHelp(
            "Address of the server. (default: \(defaultServer); \(serverVariable))", valueName: "url"))
    var server: String?

    @Option(
        help: ArgumentHelp(
            "Key of the server; better set in the environment. (\(ServerOption.apiKey.environmentVariable))",
            valueName: "key"))
    var apiKey: String?

    @Flag(help: "Print the server's JSON instead of text for people.")
    var json = false

    func connect(environment: [String: String] = ProcessInfo.processInfo.environment) throws(CommandError) -> Server {
        let key = apiKey ?? environment[ServerOption.apiKey.environmentVariable]
        return try Server(
            address: server ?? environment[Self.serverVariable].flatMap { $0.isEmpty ? nil : $0 } ?? Self.defaultServer,
            apiKey: key.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// Where results go.
    var terminal: Terminal {
        json ? .plain : Terminal(descriptor: STDOUT_FILENO, environment: ProcessInfo.processInfo.environment)
    }

    /// Where progress goes, so that results can be piped.
    var progressTerminal: Terminal {
        Terminal(descriptor: STDERR_FILENO, environment: ProcessInfo.processInfo.environment)
    }

    /// Prints the document for `--json`; gives false where text for people is wanted.
    func printed(_ document: JSON) -> Bool {
        guard json else { return false }
        Output.write(document.bytes + [0x0A])
        return true
    }
}

/// A command of this program: what it throws ends up as one sentence and the exit status of its kind.
protocol Command: ParsableCommand {
    func perform() throws(CommandError)
}

extension Command {
    func run() throws {
        do {
            try perform()
        } catch {
            Output.error("timestep: " + error.message)
            throw ExitCode(error.status.rawValue)
        }
    }
}

/// Percent-encodes one segment of a path.
func segment(_ text: String) -> String {
    var allowed = CharacterSet.alphanumerics
    allowed.insert(charactersIn: "-._~")
    return text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text
}

/// "?limit=20&after=…" from what is given; empty where nothing is.
func query(_ items: [(String, String?)]) -> String {
    let given = items.compactMap { name, value in value.map { "\(name)=\(segment($0))" } }
    return given.isEmpty ? "" : "?" + given.joined(separator: "&")
}
