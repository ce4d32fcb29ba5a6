import ArgumentParser
import Formats

/// `timestep datasets`: data uploaded once and referred to by id.
struct Datasets: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Upload data once, and see what is there.",
        discussion: """
              timestep datasets upload sales.csv
              timestep train --dataset ds_… --model sales --target units
              timestep datasets show ds_…
            """,
        subcommands: [List.self, Upload.self, Show.self, Delete.self],
        defaultSubcommand: List.self)

    /// Sends a file, or the standard input, and gives the dataset it became.
    static func upload(_ path: String, format: String?, to server: Server) throws(CommandError) -> JSON {
        let type = try mediaType(path, format: format)
        return try Files.withFile(path) { file throws(CommandError) in
            try server.upload("/datasets", file: file, type: type)
        }
    }

    /// By the format that is named, else by the end of the file's name; CSV where neither tells.
    static func mediaType(_ path: String, format: String?) throws(CommandError) -> String {
        let types = [
            "csv": "text/csv", "ndjson": "application/x-ndjson", "jsonl": "application/x-ndjson",
            "json": "application/json",
        ]
        if let format {
            guard let type = types[format] else {
                throw CommandError(.usage, "--format \(format): expected csv, ndjson or json")
            }
            return type
        }
        let suffix = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        return types[suffix] ?? "text/csv"
    }

    struct List: Command {
        static let configuration = CommandConfiguration(abstract: "List datasets, newest first.")
        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let table = TextTable([
                ("dataset", .left), ("format", .left), ("rows", .right), ("size", .right), ("created", .left),
            ])
            try list.show(
                "/datasets", client: client, table: table,
                none: "no datasets; upload one: timestep datasets upload FILE",
                id: { $0.read("Dataset: id")?.string }
            ) { dataset in
                [
                    dataset.read("Dataset: id")?.string ?? "", dataset.read("Dataset: format")?.string ?? "",
                    "\(dataset.read("Dataset: rows")?.int ?? 0)",
                    Numerals.bytes(dataset.read("Dataset: bytes")?.int ?? 0),
                    dataset.read("Dataset: created_at")?.shortTime ?? "",
                ]
            }
        }
    }

    struct Upload: Command {
        static let configuration = CommandConfiguration(
            abstract: "Upload a file; - reads the standard input.",
            discussion: "The file is checked on the way, and every fault in it is named with its row and column.")

        @Argument(
            help: ArgumentHelp("CSV with a header row, JSON lines, or a JSON array of records.", valueName: "file"))
        var path: String
        @Option(help: "csv, ndjson or json. (default: by the file's name)")
        var format: String?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let dataset = try Datasets.upload(path, format: format, to: client.connect())
            guard !client.printed(dataset) else { return }
            let id = dataset.read("Dataset: id")?.string ?? "?"
            Output.line(
                "\(id): \(Numerals.count(dataset.read("Dataset: rows")?.int ?? 0, "row")), \(Numerals.bytes(dataset.read("Dataset: bytes")?.int ?? 0))"
            )
            Output.line("train on it: timestep train --dataset \(id) --model NAME --target COLUMN")
        }
    }

    struct Show: Command {
        static let configuration = CommandConfiguration(abstract: "Show a dataset and what was seen in it.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let dataset = try client.connect().get("/datasets/\(segment(id))")
            guard !client.printed(dataset) else { return }
            for line in Outline.lines(dataset) { Output.line(line) }
        }
    }

    struct Delete: Command {
        static let configuration = CommandConfiguration(abstract: "Delete a dataset that no unfinished job needs.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            try client.connect().delete("/datasets/\(segment(id))")
            if !client.json { Output.line("\(id) is gone") }
        }
    }
}

/// A document as indented lines, for things that are looked at whole.
enum Outline {
    static func lines(_ document: JSON, indent: Int = 0) -> [String] {
        guard let object = document.object else { return [String(repeating: " ", count: indent) + document.plainText] }
        let width = object.keys.map(\.count).max() ?? 0
        return object.members.flatMap { key, value -> [String] in
            let blanks = String(repeating: " ", count: indent)
            if key == "object" { return [] }
            if let inner = value.object, !inner.isEmpty { return [blanks + key] + lines(value, indent: indent + 2) }
            if let items = value.array, items.contains(where: { $0.object != nil }) {
                return [blanks + key] + items.map { blanks + "  " + $0.text }
            }
            return [
                blanks + key + String(repeating: " ", count: width - key.count + 2)
                    + (value.isNull ? "-" : value.plainText)
            ]
        }
    }
}
