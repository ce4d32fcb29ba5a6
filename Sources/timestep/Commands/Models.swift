import ArgumentParser
import Formats

/// `timestep models`: the registry.
struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Versions, aliases, files and history of models.",
        discussion: """
            What there is; a model's versions and aliases; one version with its scores:
              timestep models
              timestep models show sales
              timestep models show sales:3

            From now on sales@champion means version 3:
              timestep models alias sales champion 3

            From now on what does not ask for a precision gets this one:
              timestep models precision sales bfloat16

            To another server:
              timestep models export sales:3 sales-3.timestep
              timestep models import sales-3.timestep --name sales

            Everything that happened under the name:
              timestep models log sales
            """,
        subcommands: [
            List.self, Show.self, SetAlias.self, RemoveAlias.self, SetPrecision.self, Export.self, Import.self,
            Log.self,
            Delete.self,
        ],
        defaultSubcommand: List.self)

    /// The document of the version that `name`, `name:3` or `name@alias` means.
    static func version(_ reference: String, on server: Server) throws(CommandError) -> JSON {
        let (name, number) = try resolve(reference, server)
        return try server.get("/models/\(segment(name))/versions/\(number)")
    }

    /// Name and number that a reference means now.
    static func resolve(_ reference: String, _ server: Server) throws(CommandError) -> (name: String, number: Int) {
        if let at = reference.firstIndex(of: "@") {
            let name = String(reference[..<at])
            let alias = String(reference[reference.index(after: at)...])
            let answer = try server.get("/models/\(segment(name))/aliases/\(segment(alias))")
            guard let number = answer.read("Alias: version")?.int else {
                throw CommandError(.refused, "the alias \"\(alias)\" of \"\(name)\" names no version")
            }
            return (name, number)
        }
        if let (name, number) = numbered(reference) { return (name, number) }
        let model = try server.get("/models/\(segment(reference))")
        let newest = model.read("Model: versions")?.array?.last?.int
        guard let number = model.read("Model: aliases.default")?.int ?? newest else {
            throw CommandError(.refused, "the model \"\(reference)\" has no version")
        }
        return (reference, number)
    }

    /// "sales:3" taken apart; nil without a number.
    static func numbered(_ reference: String) -> (name: String, number: Int)? {
        let parts = reference.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[1]), number > 0 else { return nil }
        return (String(parts[0]), number)
    }

    struct List: Command {
        static let configuration = CommandConfiguration(abstract: "List models by name.")
        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let table = TextTable([
                ("model", .left), ("versions", .right), ("newest", .right), ("aliases", .left), ("updated", .left),
            ])
            try list.show(
                "/models", client: client, table: table, none: "no models; train one: timestep train --help",
                id: { $0.read("Model: name")?.string }
            ) { model in
                let aliases =
                    model.read("Model: aliases")?.object.map { $0.members.map { "\($0)=\($1.int ?? 0)" } } ?? []
                return [
                    model.read("Model: name")?.string ?? "", "\(model.read("Model: versions")?.count ?? 0)",
                    model.read("Model: versions")?.array?.last?.int.map { "\($0)" } ?? "-",
                    aliases.joined(separator: " "),
                    model.read("Model: updated_at")?.shortTime ?? "",
                ]
            }
        }
    }

    struct Show: Command {
        static let configuration = CommandConfiguration(abstract: "Show a model, or one version of it.")
        @Argument(help: "name, name:version or name@alias.") var model: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let isVersion = model.contains(":") || model.contains("@")
            let document =
                isVersion ? try Models.version(model, on: server) : try server.get("/models/\(segment(model))")
            guard !client.printed(document) else { return }
            for line in Outline.lines(document) { Output.line(line) }
        }
    }

    struct SetAlias: Command {
        static let configuration = CommandConfiguration(
            commandName: "alias", abstract: "Let an alias name a version.",
            discussion:
                "The alias \"default\" is what a model's bare name means; without it, the newest version is meant.")
        @Argument(help: "Model.") var model: String
        @Argument(help: "Alias.") var alias: String
        @Argument(help: "Number of the version.") var version: Int
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let target = "/models/\(segment(model))/aliases/\(segment(alias))"
            let answer = try client.connect().put(target, ["version": .number(Double(version))])
            guard !client.printed(answer) else { return }
            Output.line("\(model)@\(alias) is \(model):\(version)")
        }
    }

    struct RemoveAlias: Command {
        static let configuration = CommandConfiguration(commandName: "unalias", abstract: "Remove an alias.")
        @Argument(help: "Model.") var model: String
        @Argument(help: "Alias.") var alias: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            try client.connect().delete("/models/\(segment(model))/aliases/\(segment(alias))")
            if !client.json { Output.line("\(model)@\(alias) names nothing any more") }
        }
    }

    struct SetPrecision: Command {
        static let configuration = CommandConfiguration(
            commandName: "precision", abstract: "Say what a model's networks compute in.",
            discussion: """
                Of predictions and sessions that do not ask for a precision of their own. bfloat16 and int8 take less time \
                where the weights are large, and cost some accuracy: `timestep models show NAME:VERSION` tells how much.
                """)
        @Argument(help: "Model.") var model: String
        @Argument(help: "float32, bfloat16 or int8.") var precision: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let answer = try client.connect().patch("/models/\(segment(model))", ["precision": .string(precision)])
            guard !client.printed(answer) else { return }
            Output.line("\(model) computes in \(answer.read("Model: precision")?.string ?? precision)")
        }
    }

    struct Export: Command {
        static let configuration = CommandConfiguration(
            abstract: "Write a version to a file.",
            discussion: "The file holds all that predicting needs; `timestep models import` takes it on any server.")
        @Argument(help: "name, name:version or name@alias.") var model: String
        @Argument(help: ArgumentHelp("Where to write; - is the standard output.", valueName: "file")) var path: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let (name, number) = try Models.resolve(model, server)
            let bytes = try server.download("/models/\(segment(name))/versions/\(number)/file", to: path)
            if path != "-" { Output.error("\(path): \(name):\(number), \(Numerals.bytes(bytes))") }
        }
    }

    struct Import: Command {
        static let configuration = CommandConfiguration(abstract: "Add a version from a file that was exported.")
        @Argument(help: ArgumentHelp("File to import.", valueName: "file")) var path: String
        @Option(help: "Model that gets the version; made if there is none.") var name: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let name = name
            let version = try Files.withFile(path) { file throws(CommandError) in
                try server.upload("/models" + query([("name", name)]), file: file, type: "application/octet-stream")
            }
            guard !client.printed(version) else { return }
            Output.line("\(name):\(version.read("Version: version")?.int ?? 0)")
        }
    }

    struct Log: Command {
        static let configuration = CommandConfiguration(
            abstract: "Everything that happened under a name, oldest first.")
        @Argument(help: "Model.") var model: String
        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let table = TextTable([
                ("at", .left), ("what", .left), ("version", .right), ("alias", .left), ("job", .left),
            ])
            try list.show(
                "/models/\(segment(model))/log", client: client, table: table, none: "nothing yet",
                id: { $0.read("LogEntry: id")?.int.map { "\($0)" } }
            ) { entry in
                [
                    entry.read("LogEntry: at")?.shortTime ?? "",
                    entry.read("LogEntry: kind")?.string?.replacing("_", with: " ") ?? "",
                    entry.read("LogEntry: version")?.int.map { "\($0)" } ?? "",
                    entry.read("LogEntry: alias")?.string ?? "",
                    entry.read("LogEntry: job")?.string ?? "",
                ]
            }
        }
    }

    struct Delete: Command {
        static let configuration = CommandConfiguration(
            abstract: "Delete a model with all its versions, or one version.")
        @Argument(help: "name or name:version.") var model: String
        @Flag(help: "Also while sessions use it; they end.") var force = false
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let options = query([("force", force ? "true" : nil)])
            if let (name, number) = Models.numbered(model) {
                try server.delete("/models/\(segment(name))/versions/\(number)" + options)
            } else {
                try server.delete("/models/\(segment(model))" + options)
            }
            if !client.json { Output.line("\(model) is gone") }
        }
    }
}
