import ArgumentParser
import Formats
import Foundation
import Glibc

/// `timestep bench hostile`: what clients that misbehave cost a server and those beside them.
struct HostileBench: Command {
    static let configuration = CommandConfiguration(
        commandName: "hostile",
        abstract: "Memory of a server, and the time of other clients, while one client misbehaves.",
        discussion: """
            Starts a server with its settings at their defaults on a free port of this machine, with a fresh data \
            folder. One kind of misbehavior after another runs against it, again and again for as long as it lasts, \
            while other clients ask /healthz a hundred times a second, in turns on connections that they keep and on \
            new ones. Memory is the largest that the server's process had during the kind, by the kernel's account \
            (VmHWM).
            """)

    @Option(help: "Seconds that each kind lasts.") var seconds = 6
    @Option(help: "Kinds to run, separated by commas. All: \(HostileKind.names).") var kinds: String?
    @Option(help: "Another build of this program, to be measured in its place.") var program: String?
    @Flag(help: "Print JSON.") var json = false

    func perform() throws(CommandError) {
        guard seconds > 0 else { throw CommandError(.usage, "--seconds: expected a number of at least 1") }
        let chosen = try chosenKinds()
        var rows: [HostileFigures] = []
        do {
            let server = try HostileServer(program: program)
            defer { server.end() }
            try server.prepare()
            for kind in chosen {
                let figures = try measure(kind, server)
                rows.append(figures)
                if !json { Output.error("\(kind.rawValue): \(figures.summary)") }
            }
        } catch {
            throw CommandError(.unavailable, "the benchmark could not run: \(error)")
        }
        if json {
            Output.line((["object": "bench_hostile", "kinds": .array(rows.map(\.json))] as JSON).text)
        } else {
            var table = TextTable([
                ("one client", .left), ("healthz p50", .right), ("p99", .right), ("longest", .right), ("asked", .right),
                ("failed", .right), ("most memory", .right), ("memory after", .right), ("what came", .left),
            ])
            for row in rows { table.add(row.cells) }
            for line in table.lines(for: Terminal(descriptor: STDOUT_FILENO, environment: [:])) { Output.line(line) }
        }
    }

    private func chosenKinds() throws(CommandError) -> [HostileKind] {
        guard let kinds else { return HostileKind.allCases }
        return try kinds.split(separator: ",").map { name throws(CommandError) in
            guard let kind = HostileKind(rawValue: String(name)) else {
                throw CommandError(.usage, "--kinds: \"\(name)\" is none of \(HostileKind.names)")
            }
            return kind
        }
    }

    private func measure(_ kind: HostileKind, _ server: HostileServer) throws -> HostileFigures {
        server.resetPeak()
        let probe = HealthProbe(address: server.address)
        probe.start()
        let told = try kind.run(server, for: .seconds(seconds))
        let times = probe.stop()
        let peak = server.memory("VmHWM:")
        // What was refused or abandoned is let go of soon after.
        sleep(1)
        guard server.isRunning else { throw CommandError(.unavailable, "\(kind.rawValue) ended the server") }
        return HostileFigures(
            kind: kind, times: times.seconds, failed: times.failed, peak: peak, after: server.memory("VmRSS:"),
            told: told)
    }
}

/// What one kind of misbehavior did.
struct HostileFigures {
    var kind: HostileKind
    /// Seconds of each question to `/healthz`, in ascending order.
    var times: [Double]
    var failed: Int
    /// Bytes.
    var peak: Int
    var after: Int
    /// In words: statuses, times of others.
    var told: String

    /// The least time that a share of the questions did not exceed.
    func quantile(_ share: Double) -> Double {
        times.isEmpty ? .nan : times[min(times.count - 1, Int(share * Double(times.count)))]
    }

    var summary: String {
        "p99 \(Numerals.time(seconds: quantile(0.99))), most memory \(Numerals.bytes(peak)); \(told)"
    }

    var cells: [String] {
        [kind.rawValue] + [quantile(0.5), quantile(0.99), times.last ?? .nan].map { Numerals.time(seconds: $0) }
            + ["\(times.count)", "\(failed)", Numerals.bytes(peak), Numerals.bytes(after), told]
    }

    var json: JSON {
        [
            "kind": .string(kind.rawValue), "p50_seconds": .number(quantile(0.5)),
            "p99_seconds": .number(quantile(0.99)), "longest_seconds": .number(times.last ?? 0),
            "asked": .number(Double(times.count)), "failed": .number(Double(failed)),
            "most_memory_bytes": .number(Double(peak)), "memory_after_bytes": .number(Double(after)),
            "told": .string(told),
        ]
    }
}
