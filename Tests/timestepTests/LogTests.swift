import Formats
import Foundation
import Logging
import Synchronization
import Testing

@testable import timestep

@Suite("Log lines")
struct LogTests {
    private final class Sink: Sendable {
        let lines = Mutex<[[UInt8]]>([])
    }

    private func logger(_ style: LineLogHandler.Style, level: Logger.Level = .trace) -> (Logger, Sink) {
        let sink = Sink()
        let logger = Logger(label: "t") { label in
            LineLogHandler(
                label: label, level: level, style: style, now: { timespec(tv_sec: 1_735_689_599, tv_nsec: 7_900_000) },
                sink: { line in sink.lines.withLock { $0.append(line) } })
        }
        return (logger, sink)
    }

    @Test("a message is one line of JSON, whatever is in it")
    func json() throws {
        let (logger, sink) = logger(.json)
        logger.warning(
            "line\nend \"quoted\"",
            metadata: ["id": "r1", "count": "\(3)", "list": ["a", "b"], "inner": ["k": "v"], "level": "shadow"])
        let lines = sink.lines.withLock { $0 }
        #expect(lines.count == 1)
        #expect(lines[0].filter { $0 == 0x0A }.count == 1 && lines[0].last == 0x0A)
        #expect(
            try JSON.parse(lines[0]) == [
                "time": "2024-12-31T23:59:59.007Z", "level": "warning", "logger": "t",
                "message": "line\nend \"quoted\"",
                "count": "3", "id": "r1", "inner": ["k": "v"], "level_": "shadow", "list": ["a", "b"],
            ])
    }

    @Test("a message is one line of text, whatever is in it")
    func text() {
        let (logger, sink) = logger(.text(.plain))
        logger.info("two\nlines", metadata: ["id": "r1"])
        let line = String(decoding: sink.lines.withLock { $0 }.joined(), as: UTF8.self)
        #expect(line == "23:59:59.007 info    two\\nlines  id=r1\n")
    }

    @Test(
        "nothing in a line of text is obeyed by a terminal or ends the line",
        arguments: [
            ("a\r\nb", #"a\r\nb"#), ("\u{1B}[31m", #"\u{1b}[31m"#), ("\u{7F}", #"\u{7f}"#), ("\u{9B}2J", #"\u{9b}2J"#),
            ("\u{2028}", #"\u{2028}"#), ("\u{2029}", #"\u{2029}"#), ("\u{202E}x", #"\u{202e}x"#), ("\0", #"\u{0}"#),
            ("größe µ 温度", "größe µ 温度"),
        ])
    func obeyed(_ text: String, _ shown: String) {
        let (logger, sink) = logger(.text(.plain))
        logger.info("\(text)", metadata: ["column": "\(text)", "k\(text)": ["\(text)"]])
        let line = String(decoding: sink.lines.withLock { $0 }.joined(), as: UTF8.self)
        #expect(line.hasPrefix("23:59:59.007 info    \(shown)  column=\(shown)  k\(shown)="))
        #expect(line.utf8.filter { $0 < 0x20 } == [0x0A])
    }

    @Test("what is less severe than the level is not written")
    func level() {
        let (logger, sink) = logger(.json, level: .warning)
        logger.info("no")
        logger.error("yes")
        #expect(sink.lines.withLock { $0.count } == 1)
    }

    @Test("metadata of the logger goes along, and that of the message wins")
    func metadata() throws {
        var (logger, sink) = logger(.json)
        logger[metadataKey: "a"] = "1"
        logger[metadataKey: "b"] = "1"
        logger.info("m", metadata: ["b": "2"])
        let entry = try JSON.parse(sink.lines.withLock { $0[0] })
        #expect(entry["a"] == "1" && entry["b"] == "2")
    }
}
