import CCrash
import CPosix
import Foundation
import Glibc
import Logging

/// What a server does that meets a fault in itself: it says so in the log and begins again, in the same process.
///
/// The program is executed anew from the handler of the signal, so nothing of the faulty state is kept: what is on the
/// disk is whole at any time, and a new start finds it. The process keeps its number, so whoever watches it (a terminal,
/// systemd, a container) sees a server that goes on. What ends the process without a signal that can be handled, such as
/// the kernel when memory is short, is for those to mend: `Documentation/operations.md`.
enum AfterCrash: String, Sendable, CaseIterable {
    case restart
    case end

    /// How often the program has begun again in this process. Not one of the settings.
    static let variable = "_TIMESTEP_CRASHES"

    /// Crashes of this process before the present start: all, and the newest of them that came less than a minute
    /// after a start.
    static func crashes(_ environment: [String: String]) -> (all: Int, inRow: Int) {
        let numbers = (environment[variable] ?? "").split(separator: ",").map { Int32($0).map { max(0, $0) } ?? 0 }
        return numbers.count == 2 ? (Int(numbers[0]), Int(numbers[1])) : (0, 0)
    }

    /// How long to wait before the start after so many crashes in a row: one that comes back at once must not eat a
    /// core. Ten seconds at most, so that a server that was away for one bad hour is there soon after it.
    static func delay(afterCrashesInRow count: Int) -> Duration {
        count <= 1 ? .zero : min(.milliseconds(100) * (1 << min(count - 2, 10)), .seconds(10))
    }

    /// Waits its time after a crash, and forgets the workers of the life before, which end by themselves.
    static func recover(environment: [String: String], logger: Logger) {
        let crashes = crashes(environment)
        guard crashes.all > 0 else { return }
        // The file that was executed is named exe.
        cposix_name_thread("timestep")
        let delay = delay(afterCrashesInRow: crashes.inRow)
        logger.notice(
            "starting again after a fault",
            metadata: ["crashes": "\(crashes.all)", "delay_seconds": "\(delay.timeInterval)"])
        let orphans = children()
        if !orphans.isEmpty {
            // Nobody else waits for them, and their numbers would be kept for ever.
            let thread = Thread {
                for process in orphans { while waitpid(process, nil, 0) < 0 && errno == EINTR {} }
            }
            thread.name = "orphans"
            thread.start()
        }
        Thread.sleep(forTimeInterval: delay.timeInterval)
    }

    /// From now on a fault begins the program again. Called once the server is ready: one that cannot start ends.
    ///
    /// - Parameter port: where the server listens; it is there again, whatever its settings left open.
    func prepare(port: Int, style: LineLogHandler.Style, environment: [String: String], logger: Logger) {
        guard self == .restart else { return }
        let crashes = Self.crashes(environment)
        // A loss is accepted once, by a person who looked: not by the next start on its own.
        let given = CommandLine.arguments.filter { $0 != Serve.acceptDataLossFlag } + ["--port", "\(port)"]
        var arguments: [UnsafeMutablePointer<CChar>?] = given.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        let isJSON = if case .json = style { true } else { false }
        let result = ccrash_begin_again(
            &arguments, Self.variable, crashes.all, crashes.inRow, Int32(isJSON ? CCRASH_JSON : CCRASH_TEXT))
        if result != 0 { logger.warning("a fault will end the server: there is no memory to prepare for one") }
    }

    /// Children stand under the thread that started them (proc(5)); those of a life before, under the first.
    private static func children() -> [pid_t] {
        let path = "/proc/self/task/\(getpid())/children"
        let listed = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return listed.split(separator: " ").compactMap { pid_t($0) }
    }
}
