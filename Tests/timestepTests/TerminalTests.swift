import Testing

@testable import timestep

@Suite("What is printed")
struct TerminalTests {
    static let rich = Terminal(isInteractive: true, showsColour: false, showsUnicode: true, columns: 100)

    @Test("a bar is as full as the job is done")
    func bar() {
        func filled(_ fraction: Double) -> Int {
            ProgressBar(label: "a", fraction: fraction, notes: []).text(for: .plain).filter { $0 == "#" }.count
        }
        #expect(filled(0) == 0)
        #expect(filled(0.5) * 2 == filled(1))
        #expect(filled(2) == filled(1) && filled(-1) == 0 && filled(.nan) == 0)
    }

    @Test("a bar never says 100% before the end")
    func rounding() {
        #expect(ProgressBar(label: "a", fraction: 0.999, notes: []).text(for: .plain).contains(" 99%"))
        #expect(ProgressBar(label: "a", fraction: 1, notes: []).text(for: .plain).contains("100%"))
    }

    @Test("a narrow terminal loses the last notes first and never wraps", arguments: [40, 60, 80, 110])
    func narrow(columns: Int) {
        var terminal = Self.rich
        terminal.columns = columns
        let bar = ProgressBar(
            label: "training airline", fraction: 0.42, notes: ["epoch 42 of 100", "loss 0.0123", "3 min 4 s left"])
        let text = bar.text(for: terminal)
        #expect(text.count < columns || columns == 40)
        if text.contains("loss") { #expect(text.contains("epoch 42")) }
    }

    @Test(
        "numbers are short and keep four digits",
        arguments: [
            (31.5812, "31.58"), (0.012344, "0.01234"), (5183, "5183"), (0, "0"), (-2.5, "-2.500"), (123456.7, "123457"),
            (1.23e-7, "1.2e-07"), (Double.nan, "nan"), (-Double.infinity, "-inf"),
        ])
    func short(value: Double, text: String) {
        #expect(Numerals.short(value) == text)
    }

    @Test(
        "times read as people say them",
        arguments: [
            (0.00085, "850 µs"), (0.0123, "12.3 ms"), (3.14, "3.1 s"), (59.7, "1 min 0 s"), (724, "12 min 4 s"),
            (7500, "2 h 5 min"),
        ])
    func time(seconds: Double, text: String) {
        #expect(Numerals.time(seconds: seconds) == text)
    }

    @Test(
        "sizes are powers of 1024",
        arguments: [(512, "512 B"), (1536, "1.5 KiB"), (70_884_000, "67.6 MiB"), (3 << 40, "3.0 TiB")])
    func bytes(count: Int, text: String) {
        #expect(Numerals.bytes(count) == text)
    }

    @Test("columns of a table line up, whatever is in them")
    func table() {
        var table = TextTable([("name", .left), ("RMSE", .right)])
        table.add(["naïve", "76.99"])
        table.add(["a longer name", "9.1"])
        table.add(["too", "many", "cells"])
        table.add(["few"])
        let lines = table.lines(for: .plain)
        #expect(
            lines == [
                "name            RMSE", "naïve          76.99", "a longer name    9.1", "too             many", "few",
            ])
    }

    @Test("NO_COLOR, a dumb terminal and a locale without UTF-8 are obeyed")
    func environment() {
        // No terminal at all: everything is off, whatever the environment says.
        let file = Terminal(descriptor: -1, environment: ["LANG": "C.UTF-8", "TERM": "xterm"])
        #expect(file == Terminal(isInteractive: false, showsColour: false, showsUnicode: false, columns: 80))
        #expect(Terminal(descriptor: -1, environment: ["COLUMNS": "132"]).columns == 132)
    }

    @Test("an event stream cut anywhere gives the events of the whole")
    func eventStream() {
        let text =
            ": ping\nretry: 1000\n\nid: 7\nevent: epoch\ndata: {\"a\":1}\n\nevent: done\r\ndata: one\r\ndata: two\r\n\r\ndata:x\n\nid: 9\n\n"
        let expected = [
            ServerEvent(id: "7", name: "epoch", data: "{\"a\":1}"),
            ServerEvent(id: "7", name: "done", data: "one\ntwo"),
            ServerEvent(id: "7", name: "message", data: "x"),
        ]
        let bytes = Array(text.utf8)
        for cut in 0...bytes.count {
            var parser = EventStreamParser()
            let events = parser.push(Array(bytes[..<cut])) + parser.push(Array(bytes[cut...]))
            #expect(events == expected)
            #expect(parser.lastID == "9")
        }
    }

    @Test("a refusal tells every violation with its place")
    func problem() {
        let body = """
            {"title": "t", "status": 422, "detail": "2 things are wrong", "errors": [
              {"detail": "expected at least 1", "pointer": "#/training/epochs"}, {"detail": "unknown field"}]}
            """
        let error = Problem(status: 422, body: Array(body.utf8)).error
        #expect(error.status == .refused)
        #expect(error.message == "2 things are wrong\n  #/training/epochs: expected at least 1\n  unknown field")
    }

    @Test("one violation is one line; no document is the status in words; 401 says where the key goes")
    func shortProblems() {
        let one = ##"{"detail": "bad", "errors": [{"detail": "bad", "pointer": "#/a"}]}"##
        #expect(Problem(status: 422, body: Array(one.utf8)).error.message == "#/a: bad")
        #expect(Problem(status: 404, body: Array("<html>".utf8)).error.message == "Not Found")
        #expect(Problem(status: 401, body: []).error.message.contains("TIMESTEP_API_KEY"))
    }

    @Test("a CSV is read by the rules of RFC 4180")
    func series() throws {
        let series = try Series(csv: "\u{FEFF}a,\"b \"\"x\"\"\"\r\n1,\"2,5\"\r\n\"line\none\",\r\n3")
        #expect(series.header == ["a", "b \"x\""])
        #expect(series.rows == [["1", "2,5"], ["line\none", ""], ["3"]])
        #expect(try series.numbers("a") == [1, nil, 3])
        #expect(throws: CommandError.self) { try series.column("c") }
        #expect(throws: CommandError(.file, "the CSV, line 2: the quote opened in line 2 is never closed")) {
            try Series(csv: "a,b\n1,\"2\n")
        }
    }
}
