import Foundation
import Glibc
import HTTPServer
import Synchronization

/// Asks `/healthz` every ten milliseconds, and keeps how long each answer took.
///
/// Askers take turns, so that an answer that is late keeps only one of them from asking: what many would have met
/// counts many times.
final class HealthProbe: Sendable {
    private struct State {
        var isStopping = false
        var seconds: [Double] = []
        var failed = 0
    }

    private static let askers = 16
    /// Microseconds between two questions.
    private static let interval: UInt32 = 10_000

    private let address: String
    private let state = Mutex(State())
    private let ended = DispatchGroup()

    init(address: String) { self.address = address }

    func start() {
        for asker in 0..<Self.askers {
            ended.enter()
            let thread = Thread { [self] in
                usleep(Self.interval * UInt32(asker))
                ask()
                ended.leave()
            }
            thread.start()
        }
    }

    private func ask() {
        let kept = try? HTTPClient(base: address)
        var number = 0
        while !state.withLock({ $0.isStopping }) {
            number += 1
            let began = ContinuousClock.now
            let client = number % 2 == 0 ? kept : try? HTTPClient(base: address)
            let answer = try? client?.request(.get, "/healthz")
            let seconds = (ContinuousClock.now - began).timeInterval
            state.withLock { state in
                if answer?.head.status == 200 { state.seconds.append(seconds) } else { state.failed += 1 }
            }
            let pause = Double(Self.interval * UInt32(Self.askers)) - seconds * 1_000_000
            if pause > 0 { usleep(UInt32(pause)) }
        }
    }

    func stop() -> (seconds: [Double], failed: Int) {
        state.withLock { $0.isStopping = true }
        ended.wait()
        return state.withLock { ($0.seconds.sorted(), $0.failed) }
    }
}
