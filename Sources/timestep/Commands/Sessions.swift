import ArgumentParser
import Formats

/// `timestep sessions`: networks that keep their state between steps.
struct Sessions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Open a live session and feed it row by row.",
        discussion: """
            Open one, which prints its id, and feed it a row; the answer is what comes next:
              timestep sessions open sales
              timestep sessions step ses_… 112

            Several rows, columns separated by commas; or a row a line, an answer a line:
              timestep sessions step ses_… 118,0.5 121,0.4
              tail -f values | timestep sessions step ses_… -

            Look ahead, while the state stays where it is:
              timestep sessions forecast ses_… --horizon 6

            Keep the state, and end:
              timestep sessions state ses_… > state.json
              timestep sessions close ses_…
            """,
        subcommands: [
            List.self, Open.self, Show.self, Step.self, Forecast.self, State.self, Fork.self, Reset.self, Close.self,
        ],
        defaultSubcommand: List.self)

    static func describe(_ session: JSON) -> String {
        let model =
            "\(session.read("Session: model.name")?.string ?? "?"):\(session.read("Session: model.version")?.int ?? 0)"
        return
            "\(session.read("Session: id")?.string ?? "?"): \(model), \(Numerals.count(session.read("Session: step")?.int ?? 0, "step")) taken"
    }

    /// "118,0.5" → [118, 0.5]
    static func row(_ text: String) throws(CommandError) -> JSON {
        var numbers: [Double] = []
        for word in text.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
            guard let number = Double(word) else {
                throw CommandError(.usage, "expected numbers separated by commas, found \"\(word)\"")
            }
            numbers.append(number)
        }
        guard !numbers.isEmpty else { throw CommandError(.usage, "a row holds at least one number") }
        return .array(numbers.map { .number($0) })
    }

    struct List: Command {
        static let configuration = CommandConfiguration(abstract: "List open sessions by id.")
        @Option(help: "Only sessions of this model.") var model: String?
        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let table = TextTable([("session", .left), ("model", .left), ("steps", .right), ("expires", .left)])
            try list.show(
                "/sessions", [("model", model)], client: client, table: table,
                none: "no open sessions; open one: timestep sessions open MODEL", id: { $0.read("Session: id")?.string }
            ) { session in
                [
                    session.read("Session: id")?.string ?? "",
                    "\(session.read("Session: model.name")?.string ?? "?"):\(session.read("Session: model.version")?.int ?? 0)",
                    "\(session.read("Session: step")?.int ?? 0)", session.read("Session: expires_at")?.shortTime ?? "",
                ]
            }
        }
    }

    struct Open: Command {
        static let configuration = CommandConfiguration(abstract: "Open a session and print its id.")
        @Argument(help: "name, name:version or name@alias.") var model: String
        @Option(help: "A name of your own for it.") var id: String?
        @Option(help: ArgumentHelp("Seconds without use after which it expires.", valueName: "seconds")) var ttl:
            Double?
        @Option(help: "What it computes in: float32, bfloat16, int8. (default: the model's own)")
        var precision: String?
        @Option(help: ArgumentHelp("State to start from, as `sessions state` prints it.", valueName: "file")) var state:
            String?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            var body = JSONObject()
            body["model"] = .string(model)
            if let id { body["id"] = .string(id) }
            if let ttl { body["ttl_seconds"] = .number(ttl) }
            if let precision { body["precision"] = .string(precision) }
            if let state { body["state"] = try Sessions.document(state) }
            let session = try client.connect().post("/sessions", .object(body))
            guard !client.printed(session) else { return }
            Output.line(session.read("Session: id")?.string ?? "?")
        }
    }

    static func document(_ path: String) throws(CommandError) -> JSON {
        let bytes = try Files.read(path)
        do {
            return try JSON.parse(bytes)
        } catch {
            throw CommandError(.file, "\(path) is not JSON: \(error)")
        }
    }

    struct Show: Command {
        static let configuration = CommandConfiguration(abstract: "Show a session.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let session = try client.connect().get("/sessions/\(segment(id))")
            guard !client.printed(session) else { return }
            for line in Outline.lines(session) { Output.line(line) }
        }
    }

    struct Step: Command {
        static let configuration = CommandConfiguration(
            abstract: "Feed rows and print an answer for each.",
            discussion: """
                A row holds the numbers of the targets and then of the features, in raw units. With \
                - rows are read from the standard input as they come, one a line, and each is \
                answered before the next is read. With --tokens every row is one token, as it is.
                """)
        @Argument var id: String
        @Argument(help: "Rows, each with its numbers separated by commas; - reads lines.") var rows: [String]
        @Flag(help: "Rows are tokens, one each.") var tokens = false
        @Option(help: "Labels to list, most probable first.") var topK: Int?
        @Option(help: "Probability above which a flag is set.") var threshold: Double?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            guard rows == ["-"] else {
                var inputs: [JSON] = []
                for row in rows { inputs.append(try self.row(row)) }
                return try step(inputs, server)
            }
            while let text = readLine() {
                if text.allSatisfy(\.isWhitespace) { continue }
                try step([try row(text)], server)
            }
        }

        private func row(_ text: String) throws(CommandError) -> JSON {
            tokens ? .string(text) : try Sessions.row(text)
        }

        private func step(_ inputs: [JSON], _ server: Server) throws(CommandError) {
            var body = JSONObject()
            body["inputs"] = .array(inputs)
            if let topK { body["top_k"] = .number(Double(topK)) }
            if let threshold { body["threshold"] = .number(threshold) }
            let answer = try server.post("/sessions/\(segment(id))/steps", .object(body))
            guard !client.printed(answer) else { return }
            for output in answer.read("Steps: outputs")?.array ?? [] { Output.line(AnswerText(output).line) }
            for warning in answer.read("Steps: warnings")?.array ?? [] {
                Output.error("note: \(warning.read("Warnings[]: detail")?.string ?? "")")
            }
        }
    }

    struct Forecast: Command {
        static let configuration = CommandConfiguration(abstract: "Look ahead without moving the state.")
        @Argument var id: String
        @Option(help: "Rows to forecast. (default: the model's own horizon)") var horizon: Int?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            var body = JSONObject()
            if let horizon { body["horizon"] = .number(Double(horizon)) }
            let answer = try client.connect().post("/sessions/\(segment(id))/forecast", .object(body))
            guard !client.printed(answer) else { return }
            for output in answer.read("SessionForecast: outputs")?.array ?? [] { Output.line(AnswerText(output).line) }
        }
    }

    struct State: Command {
        static let configuration = CommandConfiguration(
            abstract: "Print the state of a session, or replace it.",
            discussion: "The state is JSON: each layer's h (and c), and the rows that differencing remembers.")
        @Argument var id: String
        @Option(help: ArgumentHelp("Replace the state by this one.", valueName: "file")) var set: String?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            guard let set else { return Output.line(try server.get("/sessions/\(segment(id))/state").text) }
            let session = try server.put("/sessions/\(segment(id))/state", try Sessions.document(set))
            guard !client.printed(session) else { return }
            Output.line(Sessions.describe(session))
        }
    }

    struct Fork: Command {
        static let configuration = CommandConfiguration(abstract: "Open a second session with the same state.")
        @Argument var id: String
        @Option(name: .customLong("id"), help: "A name of your own for the new one.") var newID: String?
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            var body = JSONObject()
            if let newID { body["id"] = .string(newID) }
            let session = try client.connect().post("/sessions/\(segment(id))/fork", .object(body))
            guard !client.printed(session) else { return }
            Output.line(session.read("Session: id")?.string ?? "?")
        }
    }

    struct Reset: Command {
        static let configuration = CommandConfiguration(abstract: "Set the state to zero.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let session = try client.connect().post("/sessions/\(segment(id))/reset")
            guard !client.printed(session) else { return }
            Output.line(Sessions.describe(session))
        }
    }

    struct Close: Command {
        static let configuration = CommandConfiguration(abstract: "Close a session.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            try client.connect().delete("/sessions/\(segment(id))")
            if !client.json { Output.line("\(id) is closed") }
        }
    }
}
