import API
import Formats
import Glibc
import Logging

/// Writes one line for each log message to the standard error: as JSON for machines, as text for a person who watches.
///
///     {"time":"2025-03-01T12:00:00.123Z","level":"info","logger":"timestep","message":"ready","address":"…"}
///
/// A line is one `write`, so lines of several threads and processes do not mix.
struct LineLogHandler: LogHandler {
    enum Style: Sendable {
        case json
        case text(Terminal)
    }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let style: Style
    /// Takes whole lines, line end included.
    private let sink: @Sendable ([UInt8]) -> Void
    private let now: @Sendable () -> timespec

    init(
        label: String, level: Logger.Level, style: Style,
        now: @escaping @Sendable () -> timespec = LineLogHandler.systemClock,
        sink: @escaping @Sendable ([UInt8]) -> Void = { Output.write($0, to: STDERR_FILENO) }
    ) {
        self.label = label
        self.style = style
        self.now = now
        self.sink = sink
        logLevel = level
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        // Every request is a line: what comes with it is taken as it is where there is nothing else.
        var merged = metadata.isEmpty ? event.metadata ?? [:] : metadata.merging(event.metadata ?? [:]) { $1 }
        if let provided = metadataProvider?.get() { merged.merge(provided) { given, _ in given } }
        if let error = event.error { merged["error"] = "\(error)" }
        let fields = merged.sorted { $0.key < $1.key }
        switch style {
        case .json: sink(jsonLine(event, fields))
        case .text(let terminal): sink(textLine(event, fields, terminal))
        }
    }

    // MARK: Lines

    private static let ownKeys = ["time", "level", "logger", "message"]

    private func jsonLine(_ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("time")
            writer.string(Self.timestamp(now()))
            writer.key("level")
            writer.string(event.level.rawValue)
            writer.key("logger")
            writer.string(label)
            writer.key("message")
            writer.string(event.message.description)
            for (key, value) in fields {
                // A field must not shadow one of ours: the last of two equal keys would win in most readers.
                writer.key(Self.ownKeys.contains(key) ? key + "_" : key)
                writer.value(Self.json(value))
            }
        }
        return writer.take() + [0x0A]
    }

    private func textLine(
        _ event: LogEvent, _ fields: [(key: String, value: Logger.MetadataValue)], _ terminal: Terminal
    ) -> [UInt8] {
        let colour: Terminal.Colour? =
            switch event.level {
            case .trace, .debug: .grey
            case .info, .notice: .green
            case .warning: .yellow
            case .error, .critical: .red
            }
        let time = Self.timestamp(now()).dropFirst(11).prefix(12)
        let level = event.level.rawValue
        var line = terminal.coloured(String(time), .grey) + " " + terminal.coloured(level, colour)
        line += String(repeating: " ", count: max(1, 8 - level.count)) + Self.visible(event.message.description)
        for (key, value) in fields {
            line += "  " + terminal.coloured(Self.visible(key) + "=", .grey) + Self.visible(Self.json(value).plainText)
        }
        return Array(line.utf8) + [0x0A]
    }

    /// The text with every character escaped that a terminal would obey or that would begin another line: what a client
    /// named a column must neither forge a line nor move the cursor.
    private static func visible(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isObeyed) else { return text }
        var visible = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": visible += "\\n"
            case "\r": visible += "\\r"
            case "\t": visible += "\\t"
            case _ where isObeyed(scalar): visible += "\\u{\(String(scalar.value, radix: 16))}"
            default: visible.unicodeScalars.append(scalar)
            }
        }
        return visible
    }

    /// Controls (C0, DEL, C1), separators of lines, and what turns the direction of writing or cannot be seen.
    private static func isObeyed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    private static func json(_ value: Logger.MetadataValue) -> JSON {
        switch value {
        case .string(let text): return .string(text)
        case .stringConvertible(let value): return .string(value.description)
        case .array(let values): return .array(values.map(json))
        case .dictionary(let members):
            var object = JSONObject()
            for (key, value) in members.sorted(by: { $0.key < $1.key }) { object[key] = json(value) }
            return .object(object)
        }
    }

    // MARK: Time

    static let systemClock: @Sendable () -> timespec = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return time
    }

    /// RFC 3339 in UTC with milliseconds: "2025-03-01T12:00:00.123Z".
    static func timestamp(_ time: timespec) -> String {
        Timestamp.text(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }
}

extension JSON {
    /// The text of a string without quotes, anything else as JSON.
    var plainText: String { string ?? text }
}

extension ServerSettings {
    /// How lines of the log look, as the settings ask for it.
    func logStyle(environment: [String: String]) -> LineLogHandler.Style {
        let terminal = Terminal(descriptor: STDERR_FILENO, environment: environment)
        return switch logFormat {
        case .json: .json
        case .text: .text(terminal)
        case .auto: terminal.isInteractive ? .text(terminal) : .json
        }
    }

    /// The logger of this process.
    func makeLogger(_ label: String, environment: [String: String]) -> Logger {
        let (style, level) = (logStyle(environment: environment), logLevel)
        return Logger(label: label) { LineLogHandler(label: $0, level: level, style: style) }
    }
}
