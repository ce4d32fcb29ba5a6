import ArgumentParser
import Foundation
import Kernels
import Logging
import Service
import Wire

/// One setting of a server: its flag, its environment variable and its key in the configuration file.
///
/// `all` is the one list of them. The flags of `serve` and `worker`, the environment, the configuration file, the help
/// and `Documentation/configuration.md` are made from it, and tests hold them to it.
struct ServerOption: Sendable {
    /// The key in the file, in words joined by `_`; the other names follow from it.
    let key: String
    /// What stands for the value in the help: FILE, COUNT, TIME.
    let placeholder: String
    let help: String
    /// Workers get it too, as a flag from the server that starts them.
    let concernsWorkers: Bool
    let apply: @Sendable (String, inout ServerSettings) throws(OptionValue.Invalid) -> Void
    /// The value as it would be written; nil where nothing is set.
    let show: @Sendable (ServerSettings) -> String?
    /// Said instead of the default's value where that depends on the machine.
    var defaultInWords: String?

    var flag: String { key.replacing("_", with: "-") }
    var environmentVariable: String { Self.environmentPrefix + key.uppercased() }
    var defaultText: String { defaultInWords ?? show(ServerSettings()) ?? "none" }

    static let environmentPrefix = "TIMESTEP_"

    /// The file itself is named by `--config` or this variable; it is no key of the file.
    static let configurationVariable = "TIMESTEP_CONFIG"

    static let all: [ServerOption] = [
        host, port, allowedHosts, data, apiKey, workers, inferenceThreads, requestThreads, transferThreads, eventLoops,
        instructionSet,
        modelMemory, jobMemory, maximumPredictionSteps, maximumPredictionOperations, maximumSessions,
        sessionMemory, sessionTimeToLive, maximumTimeToLive, sessionsWhenFull, lease,
        checkpointInterval, checkpointsKept, eventRetention, datasetRetention, inlineRetention, retryRetention,
        idempotencyRetention, trashRetention,
        requestMemory, requestBody, datasetBody, modelBody, maximumConnections, idleTimeout, stopWithin, afterCrash,
        logLevel,
        logFormat,
    ]

    // MARK: Where it listens and where it keeps things

    static let host = text(
        "host", "ADDRESS", \.http.host, "Address to listen on. Beyond loopback an API key is demanded.")
    static let port = integer("port", "PORT", \.http.port, in: 0...65_535, "Port to listen on; 0 takes a free one.")
    static let allowedHosts = ServerOption(
        key: "allowed_hosts", placeholder: "NAMES",
        help:
            "Host names that requests may ask for, separated by commas, beside those of loopback; * is any. Without it a server on loopback takes no other unless it has a key, and one beyond takes all.",
        concernsWorkers: false,
        apply: { text, settings throws(OptionValue.Invalid) in
            let names = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            let areNames = names.allSatisfy { name in
                name == "*" || Authority(name).map { $0.port == nil && !name.hasSuffix(":") } ?? false
            }
            guard !names.isEmpty, areNames else {
                throw OptionValue.Invalid(expectation: "host names without a port, separated by commas, or *")
            }
            // The brackets of an IPv6 address are none of its name.
            settings.api.allowedHosts = names.map { Authority($0)?.host ?? $0 }
        },
        show: { $0.api.allowedHosts.isEmpty ? nil : $0.api.allowedHosts.joined(separator: ",") })
    static let data = text(
        "data", "FOLDER", \.service.dataDirectory, "Folder of the database, datasets, models and checkpoints.",
        concernsWorkers: true)
    static let apiKey = ServerOption(
        key: "api_key", placeholder: "KEY",
        help:
            "Key that every request must carry (Authorization: Bearer KEY). Better set in the environment: flags show in ps.",
        concernsWorkers: false,
        apply: { text, settings throws(OptionValue.Invalid) in
            guard text.utf8.count >= 8, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw OptionValue.Invalid(expectation: "at least 8 visible ASCII characters")
            }
            settings.api.apiKey = text
        },
        show: { $0.api.apiKey })

    // MARK: Processors and memory

    // Each of these threads is one of Dispatch's, which has 255 for the whole process: the bounds leave some of them.

    static let workers = integer(
        "workers", "COUNT", \.service.workers, in: 0...256, "Processes that train, each one job at a time.")
    static let inferenceThreads = integer(
        "inference_threads", "COUNT", \.service.inferenceThreads, in: 1...128,
        "Threads that run predictions and sessions; a large prediction alone takes all of them.",
        defaultInWords: "one a core")
    static let requestThreads = integer(
        "request_threads", "COUNT", \.api.requestThreads, in: 1...32,
        "Threads for requests that read and write the database.")
    static let transferThreads = integer(
        "transfer_threads", "COUNT", \.api.transferThreads, in: 1...32,
        "Threads for pieces of uploads and for streamed answers; none of them waits for a slow peer.")
    static let eventLoops = integer(
        "event_loops", "COUNT", \.http.loops, in: 1...32, "Threads that read and write sockets.")
    static let instructionSet = ServerOption(
        key: "instruction_set", placeholder: "NAME",
        help:
            "Instruction set of the kernels: auto, \(names(InstructionSet.self)). Auto takes the best this processor has.",
        concernsWorkers: true,
        apply: { text, settings throws(OptionValue.Invalid) in
            if text == "auto" {
                settings.service.instructionSet = nil
                return
            }
            let set = try OptionValue.choice(text, of: InstructionSet.self)
            guard set.isAvailable else {
                throw OptionValue.Invalid(
                    expectation:
                        "an instruction set that this processor has (the best is \(InstructionSet.best.rawValue))")
            }
            settings.service.instructionSet = set
        },
        show: { $0.service.instructionSet?.rawValue ?? "auto" })
    static let modelMemory = bytes(
        "model_memory", \.service.modelMemory, "Memory for loaded models; the least recently used make room.")
    static let jobMemory = bytes(
        "job_memory", \.service.jobMemory,
        "Memory that one training job may need by its estimate; larger ones are refused.", concernsWorkers: true)
    static let maximumPredictionSteps = integer(
        "prediction_steps", "COUNT", \.service.maximumPredictionSteps, in: 1...Int.max,
        "Steps that one prediction may take in all its sequences together, horizon included.")

    static let maximumPredictionOperations = integer(
        "prediction_operations", "COUNT", \.service.maximumPredictionOperations, in: 1...Int.max,
        "Multiply-adds that one prediction, or one call of a session, may take: about half a minute of one core.")

    // MARK: Live sessions

    static let sessionMemory = bytes(
        "session_memory", \.service.sessionMemory, "Memory of the states of all live sessions.")

    static let maximumSessions = integer(
        "sessions", "COUNT", \.service.maximumSessions, in: 0...10_000_000, "Live sessions open at once.")
    static let sessionTimeToLive = duration(
        "session_ttl", \.service.sessionTimeToLive, atLeast: .seconds(1),
        "Idle time after which a session expires, where it asks for none itself.")
    static let maximumTimeToLive = duration(
        "session_ttl_limit", \.service.maximumTimeToLive, atLeast: .seconds(1),
        "Longest idle time a session may ask for.")
    static let sessionsWhenFull = choice(
        "sessions_when_full", \.service.sessionsWhenFull,
        "What to do with one session too many: refuse it, or evict the one idle longest.")

    // MARK: Jobs

    static let lease = duration(
        "lease", \.service.lease, atLeast: .seconds(2),
        "How long a worker may be silent before its job goes to another.", concernsWorkers: true)
    static let checkpointInterval = duration(
        "checkpoint_interval", \.service.checkpointInterval, atLeast: .milliseconds(100),
        "Time between checkpoints: the most work that a killed worker loses.", concernsWorkers: true)
    static let checkpointsKept = integer(
        "checkpoints", "COUNT", \.service.retention.checkpoints, in: 1...100,
        "Newest checkpoints kept for each unfinished job.", concernsWorkers: true)

    // MARK: Retention

    static let eventRetention = duration(
        "keep_events", \.service.retention.events, atLeast: .zero, "How long events of finished jobs are kept.")
    static let datasetRetention = duration(
        "keep_datasets", \.service.retention.unusedDatasets, atLeast: .zero,
        "How long datasets are kept that no job uses and nobody touched.")
    static let inlineRetention = duration(
        "keep_inline_datasets", \.service.retention.inlineDatasets, atLeast: .zero,
        "The same for data that came inside a request to train.")
    static let retryRetention = duration(
        "keep_checkpoints", \.service.retention.retryCheckpoints, atLeast: .zero,
        "How long checkpoints of failed and cancelled jobs are kept, for retry.")
    static let idempotencyRetention = duration(
        "keep_answers", \.service.retention.idempotencyKeys, atLeast: .zero,
        "How long answers to an Idempotency-Key are kept for replay.")

    static let trashRetention = duration(
        "keep_trash", \.service.retention.trash, atLeast: .zero,
        "How long files that the database does not name are kept in the folder trash before they are removed.")

    // MARK: Limits of the server

    static let requestMemory = bytes(
        "request_memory", \.http.requestMemory,
        "Memory that all requests together may take: their bodies, what is made of them, work and answers.")
    static let requestBody = bytes("request_body", \.api.maximumBody, "Largest JSON body of a request.")
    static let datasetBody = bytes("dataset_body", \.api.maximumDataset, "Largest dataset that may be uploaded.")
    static let modelBody = bytes("model_body", \.api.maximumModelFile, "Largest model file that may be imported.")
    static let maximumConnections = integer(
        "connections", "COUNT", \.http.maximumConnections, in: 1...1_000_000,
        "Connections open at once; at most two fifths of them wait for jobs.")
    static let idleTimeout = duration(
        "idle_timeout", \.http.timeouts.idle, atLeast: .seconds(1),
        "How long a connection may be silent between requests.")
    static let stopWithin = duration(
        "stop_within", \.stopWithin, atLeast: .seconds(1),
        "Time that a stop leaves for requests in flight and for the workers' last checkpoints.", concernsWorkers: true)

    static let afterCrash = choice(
        "after_crash", \.afterCrash, "What the server does that meets a fault in itself, after telling it in the log.")

    // MARK: Logs

    static let logLevel = choice("log_level", \.logLevel, "Least severe level that is logged.", concernsWorkers: true)
    static let logFormat = choice(
        "log_format", \.logFormat, "Log lines as JSON or as text; auto is text in a terminal and JSON elsewhere.",
        concernsWorkers: true)
}

// MARK: - Kinds of options

extension ServerOption {
    typealias Path<Value> = WritableKeyPath<ServerSettings, Value> & Sendable

    private static func text(
        _ key: String, _ placeholder: String, _ path: Path<String>, _ help: String, concernsWorkers: Bool = false
    ) -> ServerOption {
        ServerOption(
            key: key, placeholder: placeholder, help: help, concernsWorkers: concernsWorkers,
            apply: { text, settings throws(OptionValue.Invalid) in
                guard !text.isEmpty else { throw OptionValue.Invalid(expectation: "something") }
                settings[keyPath: path] = text
            },
            show: { $0[keyPath: path] })
    }

    private static func integer(
        _ key: String, _ placeholder: String, _ path: Path<Int>, in range: ClosedRange<Int>, _ help: String,
        concernsWorkers: Bool = false, defaultInWords: String? = nil
    ) -> ServerOption {
        ServerOption(
            key: key, placeholder: placeholder, help: help, concernsWorkers: concernsWorkers,
            apply: { text, settings throws(OptionValue.Invalid) in
                settings[keyPath: path] = try OptionValue.integer(text, in: range)
            },
            show: { "\($0[keyPath: path])" }, defaultInWords: defaultInWords)
    }

    private static func bytes(
        _ key: String, _ path: Path<Int>, _ help: String, concernsWorkers: Bool = false
    ) -> ServerOption {
        ServerOption(
            key: key, placeholder: "BYTES", help: help, concernsWorkers: concernsWorkers,
            apply: { text, settings throws(OptionValue.Invalid) in
                settings[keyPath: path] = try OptionValue.bytes(text)
            },
            show: { OptionValue.show(bytes: $0[keyPath: path]) })
    }

    private static func duration(
        _ key: String, _ path: Path<Duration>, atLeast least: Duration, _ help: String, concernsWorkers: Bool = false
    ) -> ServerOption {
        ServerOption(
            key: key, placeholder: "TIME", help: help, concernsWorkers: concernsWorkers,
            apply: { text, settings throws(OptionValue.Invalid) in
                settings[keyPath: path] = try OptionValue.duration(text, atLeast: least)
            },
            show: { OptionValue.show(duration: $0[keyPath: path]) })
    }

    private static func choice<Value: RawRepresentable & CaseIterable & Sendable>(
        _ key: String, _ path: Path<Value>, _ help: String, concernsWorkers: Bool = false
    ) -> ServerOption where Value.RawValue == String {
        ServerOption(
            key: key, placeholder: "NAME", help: "\(help) One of \(names(Value.self)).",
            concernsWorkers: concernsWorkers,
            apply: { text, settings throws(OptionValue.Invalid) in
                settings[keyPath: path] = try OptionValue.choice(text, of: Value.self)
            },
            show: { $0[keyPath: path].rawValue })
    }

    private static func names<Value: RawRepresentable & CaseIterable>(_ type: Value.Type) -> String
    where Value.RawValue == String {
        Value.allCases.map(\.rawValue).joined(separator: ", ")
    }
}

extension ServerOption {
    /// The table for people, as it stands in `Documentation/configuration.md`.
    static var markdown: String {
        let rows = all.map { option in
            "| `\(option.key)` | `\(option.defaultText)` | \(option.help.replacing("|", with: "\\|")) |"
        }
        return (["| key | default | what it is |", "|---|---|---|"] + rows).joined(separator: "\n")
    }
}

extension Option where Value == String? {
    /// A flag for one row of the table.
    init(_ option: ServerOption) {
        self.init(
            name: .customLong(option.flag),
            help: ArgumentHelp(
                "\(option.help) (default: \(option.defaultText); \(option.environmentVariable))",
                valueName: option.placeholder.lowercased()))
    }
}
