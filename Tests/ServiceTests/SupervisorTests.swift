import Foundation
import Logging
import Synchronization
import Testing

@testable import Service

@Suite struct SupervisorTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Polls a condition that another process brings about; gives up after a minute.
    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0..<6_000 {
            if condition() { return true }
            usleep(10_000)
        }
        return false
    }

    /// The name of a file that is not there yet; a worker makes it where it has come so far.
    private func mark() -> String { NSTemporaryDirectory() + "timestep-mark-\(UUID().uuidString)" }

    @Test("a worker that is killed is started again, and stopping leaves no process behind")
    func restart() {
        let supervisor = Supervisor(command: ["/bin/sleep", "1000"], count: 2, logger: quiet)
        supervisor.start()
        #expect(eventually { supervisor.running == 2 })
        let first = supervisor.processes
        for process in first { kill(process, SIGKILL) }
        #expect(eventually { supervisor.running == 2 && Set(supervisor.processes).isDisjoint(with: first) })
        let second = supervisor.processes
        supervisor.stop(within: .seconds(5))
        #expect(supervisor.running == 0)
        for process in first + second { #expect(kill(process, 0) != 0) }
    }

    @Test("whoever asked is told of a worker's end, whose it was and how it came")
    func ends() throws {
        let seen = Mutex<[(process: pid_t, how: WorkerEnd)]>([])
        let supervisor = Supervisor(command: ["/bin/sleep", "1000"], count: 1, logger: quiet) { process, how in
            seen.withLock { $0.append((process, how)) }
        }
        supervisor.start()
        #expect(eventually { supervisor.running == 1 })
        let process = try #require(supervisor.processes.first)
        kill(process, SIGKILL)
        #expect(eventually { seen.withLock { !$0.isEmpty } })
        #expect(seen.withLock { $0.first?.process == process && $0.first?.how.description == "signal 9 (SIGKILL)" })
        #expect(seen.withLock { $0.first?.how.wasKilled == true })
        supervisor.stop(within: .seconds(5))
    }

    @Test("a worker that ignores the wish to stop is killed when the time is over")
    func stubborn() {
        let path = mark()
        defer { unlink(path) }
        let ends = Mutex<[String]>([])
        let supervisor = Supervisor(
            command: ["/bin/sh", "-c", "trap '' TERM; : > \(path); while :; do sleep 0.1; done"], count: 1,
            logger: quiet
        ) { _, how in ends.withLock { $0.append("\(how), by others: \(how.wasKilled)") } }
        supervisor.start()
        #expect(eventually { access(path, F_OK) == 0 })
        supervisor.stop(within: .milliseconds(300))
        #expect(supervisor.running == 0)
        #expect(ends.withLock { $0 } == ["signal 9 (SIGKILL), by others: false"])
    }

    @Test("a command that cannot start is tried again with growing pauses, and stopping does not wait for them")
    func missingCommand() {
        let supervisor = Supervisor(command: ["/no/such/program"], count: 1, logger: quiet)
        supervisor.start()
        usleep(50_000)
        #expect(supervisor.running == 0)
        supervisor.stop(within: .seconds(5))
    }

    @Test("pauses double up to the longest and begin again after a healthy life")
    func backOff() {
        var backOff = Supervisor.BackOff()
        let delays = (0..<12).map { _ in backOff.delay(afterLiving: .seconds(1)) }
        #expect(delays.first == Supervisor.BackOff.first)
        #expect(delays[1] == Supervisor.BackOff.first * 2)
        #expect(delays.last == Supervisor.BackOff.longest)
        #expect(backOff.delay(afterLiving: Supervisor.BackOff.healthyAfter) == Supervisor.BackOff.first)
    }

    @Test("a worker that had begun to work when it ended holds up the next one for a second at most")
    func readyBackOff() {
        var backOff = Supervisor.BackOff()
        for _ in 0..<12 { _ = backOff.delay(afterLiving: .seconds(1)) }
        #expect(backOff.delay(afterLiving: .seconds(1), wasReady: true) == Supervisor.BackOff.longestOnceReady)
    }

    @Test("a worker that gives no sign of life is killed and replaced, even a stopped one; one that gives them lives")
    func silence() throws {
        let ends = Mutex<[String]>([])
        let supervisor = Supervisor(
            command: ["/bin/sh", "-c", "while :; do printf a >&0; sleep 0.2; done"], count: 2, logger: quiet,
            silence: .seconds(3)
        ) { _, how in ends.withLock { $0.append("\(how)") } }
        supervisor.start()
        #expect(eventually { supervisor.running == 2 })
        let before = supervisor.processes.sorted()
        sleep(5)
        #expect(supervisor.processes.sorted() == before && supervisor.silenced == 0)
        kill(before[0], SIGSTOP)
        #expect(eventually { !supervisor.processes.contains(before[0]) && supervisor.running == 2 })
        #expect(supervisor.processes.contains(before[1]) && supervisor.silenced == 1)
        #expect(ends.withLock { $0 } == ["signal 9 (SIGKILL), after it gave no sign of life"])
        supervisor.stop(within: .seconds(5))
    }

    @Test("a hint to a worker that does not listen any more ends nobody")
    func deafWorker() {
        let path = mark()
        defer { unlink(path) }
        let supervisor = Supervisor(
            command: ["/bin/sh", "-c", "exec <&-; : > \(path); exec sleep 1000"], count: 1, logger: quiet)
        supervisor.start()
        #expect(eventually { access(path, F_OK) == 0 })
        // The shell has closed its standard input; a signal would end the tests.
        for _ in 0..<50 { supervisor.hint() }
        #expect(supervisor.running == 1)
        supervisor.stop(within: .seconds(5))
    }

    @Test("a hint reaches the worker's standard input, and the end of the supervisor ends that input")
    func hint() throws {
        let path = mark()
        defer { unlink(path) }
        let supervisor = Supervisor(command: ["/bin/sh", "-c", "cat > \(path)"], count: 1, logger: quiet)
        supervisor.start()
        #expect(eventually { supervisor.running == 1 && access(path, F_OK) == 0 })
        supervisor.hint()
        #expect(eventually { (try? Data(contentsOf: URL(fileURLWithPath: path)).count) == 1 })
        supervisor.stop(within: .seconds(5))
    }
}
