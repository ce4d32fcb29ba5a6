import Foundation
import Store
import Synchronization

/// Renews the lease of one job while it runs, and hears what people wish of it.
///
/// A thread of its own, so that reading a large dataset or a long step never lets the lease end. The verdict only ever
/// grows more severe within one hold: a wish that was heard is not forgotten because a later write said "keep".
final class LeaseKeeper: Sendable {
    /// How soon a running job hears that it is to stop; a third of the lease where that is sooner.
    static let interval: Duration = .milliseconds(500)

    private let heard = Mutex(LeaseVerdict.keep)
    private let ending = DispatchSemaphore(value: 0)

    init(job: Job, worker: WorkerLoop) {
        let pause = min(Self.interval, worker.configuration.lease / 3)
        let thread = Thread { [weak self, ending] in
            while ending.wait(timeout: .now() + pause.timeInterval) == .timedOut {
                guard let self else { return }
                do {
                    note(
                        try worker.store.renew(
                            job.id, attempt: job.attempt, lease: worker.configuration.lease, at: worker.now()))
                } catch {
                    // Tried again at the next turn; should the lease end meanwhile, the next verdict says so.
                    worker.logger.warning(
                        "lease not renewed", metadata: ["job": "\(job.id)", "error": "\(error)"])
                }
            }
        }
        thread.name = "lease"
        thread.start()
    }

    var verdict: LeaseVerdict { heard.withLock { $0 } }

    func note(_ verdict: LeaseVerdict) {
        heard.withLock { heard in
            // A pause may be taken back by `resume` before the worker answered it, so "keep" clears that one.
            if heard == .lost || (heard == .cancel && verdict != .lost) { return }
            heard = verdict
        }
    }

    func end() { ending.signal() }
}
