import Glibc

/// How a worker process ended, by the status that `waitpid` gave.
public struct WorkerEnd: Sendable, CustomStringConvertible {
    private let status: Int32
    private let wasSilent: Bool
    private let isStopping: Bool

    init(_ status: Int32, wasSilent: Bool, isStopping: Bool) {
        self.status = status
        self.wasSilent = wasSilent
        self.isStopping = isStopping
    }

    private var signal: Int32 { status & 0x7F }

    /// Whether somebody else than the supervisor ended it, as the kernel does where there is no memory left.
    public var wasKilled: Bool { signal == SIGKILL && !wasSilent && !isStopping }

    public var description: String {
        let end: String
        if signal == 0 {
            end = "exit code \((status >> 8) & 0xFF)"
        } else {
            end = Self.signalNames[signal].map { "signal \(signal) (\($0))" } ?? "signal \(signal)"
        }
        return wasSilent ? end + ", after it gave no sign of life" : end
    }

    /// The signals that end processes against their will, as people know them.
    private static let signalNames: [Int32: String] = [
        SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP",
        SIGABRT: "SIGABRT", SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGSEGV: "SIGSEGV",
        SIGTERM: "SIGTERM", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGSYS: "SIGSYS",
    ]
}
