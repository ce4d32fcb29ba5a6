import ArgumentParser
import Foundation
import Testing

@testable import timestep

@Suite("Server options")
struct ServerOptionTests {
    /// A value of each option that is not its default.
    static let examples: [String: String] = [
        "host": "::1", "port": "9001", "allowed_hosts": "a.example,b.example", "data": "/tmp/elsewhere",
        "api_key": "a-long-enough-key", "workers": "3",
        "inference_threads": "77", "request_threads": "5", "transfer_threads": "6", "event_loops": "7",
        "instruction_set": "baseline", "model_memory": "3GiB", "job_memory": "5GiB", "prediction_steps": "1234",
        "prediction_operations": "5678", "session_memory": "3MiB",
        "sessions": "99", "session_ttl": "10m", "session_ttl_limit": "2d", "sessions_when_full": "evict_oldest",
        "lease": "45s", "checkpoint_interval": "2500ms", "checkpoints": "4", "keep_events": "3d", "keep_datasets": "4d",
        "keep_inline_datasets": "8d",
        "keep_checkpoints": "5d", "keep_answers": "6h", "keep_trash": "2d", "request_memory": "96MiB",
        "request_body": "1MiB",
        "dataset_body": "2TiB",
        "model_body": "7MiB", "connections": "321", "idle_timeout": "9s", "stop_within": "11s", "after_crash": "end",
        "log_level": "debug",
        "log_format": "json",
    ]

    private func resolve(
        flags: [String: String] = [:], environment: [String: String] = [:], file: String? = nil
    ) throws -> ServerSettings {
        try SettingsResolver.resolve(
            flags: flags, environment: environment, file: file.map { try ConfigurationFile(path: "t.yaml", text: $0) })
    }

    @Test("the examples name every option and differ from every default")
    func exampleOfEach() {
        #expect(Set(Self.examples.keys) == Set(ServerOption.all.map(\.key)))
        for option in ServerOption.all { #expect(Self.examples[option.key] != option.show(ServerSettings())) }
    }

    @Test("every option is a flag of serve and of worker", arguments: ServerOption.all.map(\.key))
    func flags(key: String) throws {
        let option = try #require(ServerOption.all.first { $0.key == key })
        let value = try #require(Self.examples[key])
        let serve = try #require(try Timestep.parseAsRoot(["serve", "--\(option.flag)", value]) as? Serve)
        #expect(serve.options.given == [key: value])
        let worker = try #require(try Timestep.parseAsRoot(["worker", "--\(option.flag)", value]) as? WorkerCommand)
        #expect(worker.options.given == [key: value])
    }

    @Test("flag, environment and file mean the same", arguments: ServerOption.all.map(\.key))
    func sources(key: String) throws {
        let option = try #require(ServerOption.all.first { $0.key == key })
        let value = try #require(Self.examples[key])
        #expect(option.show(try resolve(flags: [key: value])) == value)
        #expect(option.show(try resolve(environment: [option.environmentVariable: value])) == value)
        #expect(option.show(try resolve(file: "\(key): \"\(value)\"")) == value)
    }

    @Test("a variable that looks like a setting misspelt is told, what systems set under our name is not")
    func misspelt() {
        let environment = [
            "TIMESTEP_SESION_TTL": "1h", "TIMESTEP_WORKER": "2", "TIMESTEP_PORT": "8080", "TIMESTEP_SERVER": "http://a",
            "TIMESTEP_CONFIG": "a.yaml", "TIMESTEP_SERVICE_HOST": "10.0.0.1", "TIMESTEP_PORT_8080_TCP_ADDR": "10.0.0.1",
            "TIMESTAMP_PORT": "1",
        ]
        let told = SettingsResolver.misspeltVariables(environment)
        #expect(told.map(\.name) == ["TIMESTEP_SESION_TTL", "TIMESTEP_WORKER"])
        #expect(told.map(\.meant) == ["TIMESTEP_SESSION_TTL", "TIMESTEP_WORKERS"])
    }

    @Test("the flag wins, then the environment, then the file, then the default")
    func precedence() throws {
        let file = "port: 1003\nworkers: 9"
        let environment = ["TIMESTEP_PORT": "1002", "TIMESTEP_LOG_LEVEL": "debug"]
        #expect(try resolve(flags: ["port": "1001"], environment: environment, file: file).http.port == 1001)
        #expect(try resolve(environment: environment, file: file).http.port == 1002)
        #expect(try resolve(file: file).http.port == 1003)
        #expect(try resolve().http.port == 8080)
        let mixed = try resolve(flags: ["port": "1001"], environment: environment, file: file)
        #expect(mixed.logLevel == .debug && mixed.service.workers == 9)
    }

    @Test("an overridden value is not looked at, an empty variable is none")
    func overridden() throws {
        let settings = try resolve(
            flags: ["port": "1001"], environment: ["TIMESTEP_PORT": "x", "TIMESTEP_HOST": ""], file: "port: y")
        #expect(settings.http.port == 1001 && settings.http.host == "127.0.0.1")
    }

    @Test("every wrong value is named at once, with where it stood")
    func problems() throws {
        let error = #expect(throws: CommandError.self) {
            try resolve(
                flags: ["port": "70000"], environment: ["TIMESTEP_LEASE": "soon"], file: "log_level: loud\nworkers: -1")
        }
        let message = try #require(error?.message)
        #expect(message.split(separator: "\n").count == 4)
        #expect(message.contains("--port: expected a whole number from 0 to 65535, found \"70000\""))
        #expect(message.contains("TIMESTEP_LEASE: expected a time of at least 2s"))
        #expect(message.contains("t.yaml: log_level: expected one of trace, debug"))
        #expect(message.contains("t.yaml: workers: expected a whole number from 0 to 256"))
        #expect(error?.status == .configuration)
    }

    @Test("a wrong key is not repeated to a log")
    func secret() throws {
        let error = #expect(throws: CommandError.self) { try resolve(flags: ["api_key": "short"]) }
        #expect(error?.message.contains("short") == false)
    }

    @Test("unknown keys of the file are errors with a suggestion, told with the wrong values of every source")
    func unknownKeys() throws {
        let error = #expect(throws: CommandError.self) {
            try resolve(
                environment: ["TIMESTEP_LEASE": "soon"],
                file: "prot: 80\nport: x\nsession-ttl: 3s\nfrobnicate: yes\nworkers: [1]")
        }
        let message = try #require(error?.message)
        #expect(message.contains("t.yaml:1: unknown key \"prot\"; did you mean \"port\"?"))
        #expect(message.contains("t.yaml:3: unknown key \"session-ttl\"; did you mean \"session_ttl\"?"))
        #expect(message.contains("t.yaml:4: unknown key \"frobnicate\"; the keys are host, port"))
        #expect(message.contains("t.yaml:5: workers must be one plain value"))
        #expect(message.contains("t.yaml: port: expected a whole number"))
        #expect(message.contains("TIMESTEP_LEASE: expected a time"))
    }

    @Test(
        "a file is a mapping of plain values",
        arguments: ["- port", "port: [1]", "port: {a: 1}", "port: 1\nport: 2", "a: b: c"])
    func malformedFile(text: String) {
        #expect(throws: CommandError.self) { try resolve(file: text) }
    }

    @Test("a file of comments sets nothing", arguments: ["", "# nothing\n", "---\n"])
    func emptyFile(text: String) throws {
        #expect(try ConfigurationFile(path: "t.yaml", text: text).values.isEmpty)
    }

    @Test("a file that is not there is a setting that is wrong")
    func missingFile() throws {
        let error = #expect(throws: CommandError.self) {
            try SettingsResolver.resolve(flags: [:], configurationPath: "/nowhere/t.yaml", environment: [:])
        }
        #expect(error?.status == .configuration)
        #expect(error?.message.contains("/nowhere/t.yaml") == true)
    }

    @Test("the help of serve shows every option with its default and its variable")
    func help() {
        // Lines are wrapped where they are long, so the text is compared without its white space.
        func squeezed(_ text: String) -> String { text.filter { !$0.isWhitespace } }
        let help = squeezed(Timestep.helpMessage(for: Serve.self, columns: 200))
        for option in ServerOption.all {
            #expect(help.contains("--\(option.flag)<"), "\(option.key)")
            #expect(help.contains(squeezed(option.help)), "\(option.key)")
            #expect(
                help.contains(squeezed("(default: \(option.defaultText); \(option.environmentVariable))")),
                "\(option.key)")
        }
    }

    @Test("Documentation/configuration.md holds the table of options; `make documentation` writes it")
    func documentation() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appendingPathComponent("Documentation/configuration.md"), encoding: .utf8)
        #expect(text.contains(ServerOption.markdown))
    }

    @Test("workers are started with what concerns them, as the server understood it")
    func workerFlags() throws {
        let settings = try resolve(environment: ["TIMESTEP_LEASE": "45s", "TIMESTEP_API_KEY": "a-long-enough-key"])
        let flags = SettingsResolver.workerFlags(settings)
        let worker = try #require(try Timestep.parseAsRoot(["worker", "--supervised"] + flags) as? WorkerCommand)
        #expect(worker.options.given["lease"] == "45s")
        #expect(worker.options.given["data"] == "data")
        #expect(!flags.contains("a-long-enough-key"))
        // The worker comes to the same settings, whatever its environment says.
        let again = try SettingsResolver.resolve(
            flags: worker.options.given, configurationPath: nil, environment: ["TIMESTEP_LEASE": "5s"])
        #expect(again.service.lease == .seconds(45))
    }

    @Test(
        "times and sizes read back as they are shown",
        arguments: ["0s", "1ms", "250ms", "1s", "90s", "10m", "1h", "36h", "30d", "7d"])
    func durations(text: String) throws {
        let duration = try OptionValue.duration(text, atLeast: .zero)
        #expect(try OptionValue.duration(OptionValue.show(duration: duration), atLeast: .zero) == duration)
    }

    @Test(
        "sizes are powers of 1024, with or without a unit",
        arguments: [("1GiB", 1 << 30), ("512 MiB", 512 << 20), ("1048576", 1 << 20), ("1.5kib", 1536), ("7B", 7)])
    func sizes(text: String, bytes: Int) throws {
        #expect(try OptionValue.bytes(text) == bytes)
        #expect(try OptionValue.bytes(OptionValue.show(bytes: bytes)) == bytes)
    }

    @Test("nonsense is no value", arguments: ["", "s", "-1s", "1 fortnight", "1e9999d", "0x10", "1.2.3s", "NaN"])
    func nonsense(text: String) {
        #expect(throws: OptionValue.Invalid.self) { try OptionValue.duration(text, atLeast: .zero) }
        #expect(throws: OptionValue.Invalid.self) { try OptionValue.bytes(text) }
    }
}
