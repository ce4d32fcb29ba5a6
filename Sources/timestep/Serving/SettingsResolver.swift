import Formats
import NamedFields

/// Puts the settings together: a flag wins, then the environment, then the configuration file, then the default.
///
/// A function of its arguments: the environment is given, and only the file is read.
enum SettingsResolver {
    /// Where a value stood, as it is called in an error.
    private enum Source {
        case flag
        case environment
        case file(String)

        func name(of option: ServerOption) -> String {
            switch self {
            case .flag: "--\(option.flag)"
            case .environment: option.environmentVariable
            case .file(let path): "\(path): \(option.key)"
            }
        }
    }

    static func resolve(
        flags: [String: String], configurationPath: String?, environment: [String: String]
    ) throws(CommandError) -> ServerSettings {
        let path =
            configurationPath ?? environment[ServerOption.configurationVariable].flatMap { $0.isEmpty ? nil : $0 }
        var file: ConfigurationFile?
        if let path { file = try ConfigurationFile(path: path) }
        return try resolve(flags: flags, environment: environment, file: file)
    }

    /// Every value that is wrong is named at once, with where it stood; a value that is overridden is not looked at.
    static func resolve(
        flags: [String: String], environment: [String: String], file: ConfigurationFile?
    ) throws(CommandError) -> ServerSettings {
        var settings = ServerSettings()
        var problems = file?.problems ?? []
        for option in ServerOption.all {
            let value: String
            let source: Source
            if let given = flags[option.key] {
                (value, source) = (given, .flag)
            } else if let given = environment[option.environmentVariable], !given.isEmpty {
                (value, source) = (given, .environment)
            } else if let file, let given = file.values[option.key] {
                (value, source) = (given, .file(file.path))
            } else {
                continue
            }
            do {
                try option.apply(value, &settings)
            } catch {
                let shown = option.key == ServerOption.apiKey.key ? "this value" : "\"\(value)\""
                problems.append("\(source.name(of: option)): expected \(error.expectation), found \(shown)")
            }
        }
        if settings.service.sessionTimeToLive > settings.service.maximumTimeToLive {
            problems.append(
                "session_ttl is longer than session_ttl_limit, so no session could be opened without asking")
        }
        guard problems.isEmpty else { throw CommandError(.configuration, problems.joined(separator: "\n")) }
        return settings
    }

    /// Variables that look like misspelt ones of ours, with what they may have meant. Others are let be: systems that
    /// start services set variables of their own under the names of these.
    static func misspeltVariables(_ environment: [String: String]) -> [(name: String, meant: String)] {
        let prefix = ServerOption.environmentPrefix
        let known =
            ServerOption.all.map(\.environmentVariable) + [
                ServerOption.configurationVariable, ClientOptions.serverVariable,
            ]
        let endings = known.map { String($0.dropFirst(prefix.count)) }
        return environment.keys.sorted().filter { $0.hasPrefix(prefix) && !known.contains($0) }
            .compactMap { name in
                Suggestion.nearest(to: String(name.dropFirst(prefix.count)), among: endings).map { (name, prefix + $0) }
            }
    }

    /// The flags with which a server starts its workers: what concerns them, as this server understood it.
    static func workerFlags(_ settings: ServerSettings) -> [String] {
        ServerOption.all.filter(\.concernsWorkers).flatMap { option in
            option.show(settings).map { ["--\(option.flag)", $0] } ?? []
        }
    }
}
