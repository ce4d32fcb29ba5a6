import Foundation
import Store
import Synchronization

/// One thing that has to be well.
public struct ReadinessCheck: Sendable, Equatable {
    public var name: String
    public var ok: Bool
    public var detail: String
    /// Without it requests cannot be answered as they should; what is not vital is told and hinders nobody.
    public var isVital: Bool
}

extension Service {
    /// What is well and what is not. Where something vital fails this server should get no requests; a server whose
    /// workers died still answers and queues.
    public func readiness() -> [ReadinessCheck] {
        let stops = isStopping
        return [
            storeCheck(), diskCheck(),
            ReadinessCheck(
                name: "accepting", ok: !stops,
                detail: stops ? "the server is shutting down" : "requests are accepted", isVital: true),
            workersCheck(), queueCheck(),
        ]
    }

    private func storeCheck() -> ReadinessCheck {
        do {
            _ = try store.dataVersion()
            return ReadinessCheck(name: "store", ok: true, detail: "the database answers", isVital: true)
        } catch {
            return ReadinessCheck(name: "store", ok: false, detail: error.description, isVital: true)
        }
    }

    private func diskCheck() -> ReadinessCheck {
        let failure = diskProbe.failure { () throws(StoreError) in try store.probeDisk() }
        let free = store.freeBytes.map { "\($0) bytes are free" } ?? "how much is free is not known"
        let detail = failure.map { "\($0); \(free)" } ?? "the data folder can be written; \(free)"
        return ReadinessCheck(name: "disk", ok: failure == nil, detail: detail, isVital: true)
    }

    private func workersCheck() -> ReadinessCheck {
        let (wanted, running, silent) = (configuration.workers, supervisor.running, supervisor.silent)
        var detail = "\(running) of \(wanted) worker processes run"
        if silent > 0 { detail += ", \(silent) of them without a sign of life" }
        return ReadinessCheck(name: "workers", ok: running >= wanted && silent == 0, detail: detail, isVital: false)
    }

    /// Jobs that wait are as it should be while others run; while none does, nobody takes them.
    private func queueCheck() -> ReadinessCheck {
        do {
            let running = try store.jobCounts()[.running] ?? 0
            guard let age = try queueAge() else {
                return ReadinessCheck(name: "queue", ok: true, detail: "no job waits", isVital: false)
            }
            let isMoving = running > 0 || age < Self.patience
            return ReadinessCheck(
                name: "queue", ok: isMoving,
                detail: "\(running) jobs run; the first in the queue has waited for \(Int(age.timeInterval)) s",
                isVital: false)
        } catch {
            return ReadinessCheck(name: "queue", ok: false, detail: error.description, isVital: false)
        }
    }

    /// How long the first job of the queue may wait while none runs: a worker that ended is back by then.
    private static let patience: Duration = .seconds(60)

    /// How long the job that is claimed next has waited; nil where none waits.
    func queueAge() throws(StoreError) -> Duration? {
        guard let since = try store.waitingSince() else { return nil }
        return .seconds(max(0, now().timeIntervalSince(since)))
    }
}

/// The last look at the disk. Whoever asks within a few seconds hears the same: probes may come often, and each look
/// writes and syncs a file.
final class DiskProbe: Sendable {
    static let interval: Duration = .seconds(5)

    private let last = Mutex<(at: ContinuousClock.Instant, failure: String?)?>(nil)

    /// What the last look failed with, after a new one where that was long ago.
    func failure(_ look: () throws(StoreError) -> Void) -> String? {
        last.withLock { last in
            if let last, ContinuousClock.now - last.at < Self.interval { return last.failure }
            var failure: String?
            do throws(StoreError) { try look() } catch { failure = error.description }
            last = (.now, failure)
            return failure
        }
    }
}
