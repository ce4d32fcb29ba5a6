import ArgumentParser

/// How the program ends. Scripts rely on these numbers; `timestep --help` lists them.
enum ExitStatus: Int32, CaseIterable, Sendable {
    case success = 0
    /// The server understood the request and refused it.
    case refused = 1
    /// The job failed or was cancelled.
    case jobFailed = 2
    /// No server answered.
    case noServer = 3
    /// The command line is wrong (sysexits.h: EX_USAGE).
    case usage = 64
    /// A file could not be read or written (EX_NOINPUT).
    case file = 66
    /// A server could not start: its port, its data folder (EX_UNAVAILABLE).
    case unavailable = 69
    /// The settings are wrong (EX_CONFIG).
    case configuration = 78
    /// Stopped by Ctrl-C (128 + SIGINT).
    case interrupted = 130

    var meaning: String {
        switch self {
        case .success: "it worked"
        case .refused: "the server refused, or the answer was not as asked"
        case .jobFailed: "the job failed or was cancelled"
        case .noServer: "no server answered"
        case .usage: "the command line is wrong"
        case .file: "a file could not be read or written"
        case .unavailable: "the server could not start (port, data folder)"
        case .configuration: "a setting of the server is wrong"
        case .interrupted: "stopped by Ctrl-C"
        }
    }

    /// As the help of the program shows them.
    static var table: String {
        allCases.map { "  \(ProgressBar.pad("\($0.rawValue)", 3))  \($0.meaning)" }.joined(separator: "\n")
    }
}

/// Why a command ends: a sentence for the person who typed it, and the status for a script.
struct CommandError: Error, CustomStringConvertible, Equatable {
    var status: ExitStatus
    var message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    var description: String { message }
}
