import Formats
import Foundation
import Glibc
import HTTPServer

/// The server that misbehaving clients are let loose on, and the models that they ask.
final class HostileServer {
    let port: UInt16
    private let server: BenchServer

    /// - Parameter program: the path of the program; nil is this one.
    init(program: String?) throws {
        server = try BenchServer(program: program, purpose: "hostile")
        port = UInt16(server.address.split(separator: ":").last ?? "") ?? 0
    }

    var address: String { server.address }
    var isRunning: Bool { server.isRunning }

    func end() { server.end() }

    /// A small forecaster, one of 2,000 series, one whose file has 92 MB, and a job that stays queued for long.
    func prepare() throws {
        let server = try Server(address: address, apiKey: nil)
        let series = (0..<64).map { "\($0 % 7)" }.joined(separator: "\n")
        let wide = (0..<24).map { row in (0..<2_000).map { "\(($0 + row) % 5)" }.joined(separator: ",") }
        let names = (0..<2_000).map { "y\($0)" }
        let jobs: [JSON] = [
            Self.job("small", targets: ["y"], csv: "y\n\(series)\n", hidden: 64),
            Self.job(
                "wide", targets: names, csv: ([names.joined(separator: ",")] + wide).joined(separator: "\n"), hidden: 4),
            Self.job("large", targets: ["y"], csv: "y\n\(series)\n", hidden: 2_400),
        ]
        for job in jobs { try BenchServer.train(job, server) }
    }

    static func job(_ model: String, targets: [String], csv: String, hidden: Int) -> JSON {
        [
            "model": .string(model),
            "task": ["kind": "forecast", "target": .array(targets.map { .string($0) }), "lookback": 8],
            "network": ["cell": "lstm", "hidden": .number(Double(hidden))],
            "training": ["epochs": 1], "data": ["csv": .string(csv)],
        ]
    }

    /// A line of the process's account in bytes (proc(5), in KiB).
    func memory(_ name: String) -> Int {
        let path = "/proc/\(server.processID)/status"
        let status = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
        return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }

    /// Lets the peak begin anew (proc(5): clear_refs).
    func resetPeak() {
        try? "5".write(toFile: "/proc/\(server.processID)/clear_refs", atomically: false, encoding: .utf8)
    }

    // MARK: Connections that do as they please

    /// A connected socket that waits for nothing; nil where the system refuses one.
    ///
    /// - Parameter source: the last number of the address of loopback that it comes from.
    func connect(from source: UInt8 = 1) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (UInt32(0x7F00_0000) | UInt32(source)).bigEndian
        var result: Int32 = 0
        if source != 1 { result = Self.with(address) { bind(descriptor, $0, $1) } }
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        if result == 0 { result = Self.with(address) { Glibc.connect(descriptor, $0, $1) } }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        return descriptor
    }

    func connections(_ count: Int, from source: UInt8 = 1) -> [Int32] {
        (0..<count).compactMap { _ in connect(from: source) }
    }

    private static func with(
        _ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Sends what the socket takes at once; gives how much that was, -1 where the peer is gone.
    @discardableResult
    static func send(_ bytes: [UInt8], from start: Int = 0, to descriptor: Int32) -> Int {
        let count = bytes.withUnsafeBytes { buffer in
            Glibc.send(
                descriptor, buffer.baseAddress.map { $0 + start }, buffer.count - start, Int32(MSG_NOSIGNAL))
        }
        return count >= 0 ? count : errno == EAGAIN ? 0 : -1
    }

    /// Whatever has come, at most 64 KiB; nil at the end.
    static func receive(_ descriptor: Int32) -> [UInt8]? {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let result = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            failure = result > 0 ? 0 : result == 0 ? -1 : errno
            count = max(0, result)
        }
        return bytes.isEmpty && failure != EAGAIN ? nil : bytes
    }
}
