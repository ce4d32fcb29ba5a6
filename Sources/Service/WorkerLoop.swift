import Foundation
import Kernels
import Logging
import Store
import Synchronization

/// What a worker process is told at start.
public struct WorkerConfiguration: Sendable {
    /// How the worker names itself in leases and logs: host and process.
    public var name: String
    public var lease: Duration = .seconds(30)
    public var checkpointInterval: Duration = .seconds(10)
    /// How often an idle worker looks for work when no hint came. A hint can be lost; a job cannot.
    public var pollInterval: Duration = .seconds(1)
    /// Bytes that one job may need by its estimate.
    public var jobMemory = 4 << 30
    public var instructionSet: InstructionSet?
    public var codeVersion = Service.codeVersion

    public init(name: String) {
        self.name = name
    }

    /// The name of the worker that is a process of this host.
    public static func name(ofProcess process: Int32) -> String {
        "\(ProcessInfo.processInfo.hostName):\(process)"
    }
}

/// A worker: takes jobs one after the other from the store and trains them, until told to stop.
///
/// It meets the server in the database alone. All that it writes is conditional on the job and the attempt, so one that
/// was given up for dead and wakes again changes nothing.
public final class WorkerLoop: Sendable {
    let configuration: WorkerConfiguration
    let store: Store
    let logger: Logger
    let now: @Sendable () -> Date
    private let stopRequested = Atomic<Bool>(false)
    /// Signalled when there may be work, and when the loop is to stop.
    private let attention = DispatchSemaphore(value: 0)

    /// `store` is opened as a worker's.
    public init(
        configuration: WorkerConfiguration, store: Store, logger: Logger,
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.configuration = configuration
        self.store = store
        self.logger = logger
        self.now = now
    }

    /// Works until `stop`; a job in hand is then checkpointed and given back to the queue.
    ///
    /// A store that cannot be reached just now (busy, disk full) is tried again; nothing is lost by waiting.
    public func run() {
        while !isStopping {
            do {
                if let job = try store.claim(worker: configuration.name, lease: configuration.lease, at: now()) {
                    work(on: job)
                    continue
                }
            } catch {
                logger.error("no job could be claimed; trying again", metadata: ["error": "\(error)"])
            }
            pause()
        }
    }

    /// Asks the loop to end soon. Safe from any thread and from signal sources.
    public func stop() {
        stopRequested.store(true, ordering: .relaxed)
        attention.signal()
    }

    /// Says that a job may wait.
    public func hint() { attention.signal() }

    public var isStopping: Bool { stopRequested.load(ordering: .relaxed) }

    /// Follows a pipe from the parent on a thread of its own: a byte is a hint, its end means that the parent is gone.
    public func follow(parent descriptor: Int32) {
        let thread = Thread { [self] in
            var byte: UInt8 = 0
            while true {
                let count = read(descriptor, &byte, 1)
                if count == 1 {
                    hint()
                } else if count == 0 || errno != EINTR {
                    logger.info("the server is gone; stopping")
                    return stop()
                }
            }
        }
        thread.name = "parent"
        thread.start()
    }

    private func work(on job: Job) {
        let metadata: Logger.Metadata = ["job": "\(job.id)", "attempt": "\(job.attempt)", "model": "\(job.model)"]
        logger.info("job started", metadata: metadata)
        do {
            let end = try JobRun(job: job, worker: self).run()
            logger.info("job left the worker", metadata: metadata.merging(["as": "\(end)"]) { $1 })
        } catch let failure as JobFailure {
            logger.warning(
                "job failed",
                metadata: metadata.merging(["code": "\(failure.code)", "detail": "\(failure.detail)"]) { $1 })
            do {
                _ = try store.fail(job.id, attempt: job.attempt, failure, at: now())
            } catch {
                // The lease will end, and the next attempt comes to the same failure and writes it then.
                logger.error("the failure could not be written", metadata: ["error": "\(error)"])
            }
        } catch {
            logger.error("job interrupted", metadata: metadata.merging(["error": "\(error)"]) { $1 })
            interrupt(job, by: error)
        }
    }

    /// The store failed (disk full, a file that cannot be read): the job goes behind the others with what was
    /// checkpointed. Tried until that is written, for while nothing can be written there is nothing else to do; at the
    /// latest the end of the lease does it.
    private func interrupt(_ job: Job, by error: any Error) {
        repeat {
            do {
                _ = try store.interrupt(job.id, attempt: job.attempt, by: error, at: now())
                // Alone in the queue it is next again: not at once.
                return pause()
            } catch {
                logger.error("the interruption could not be written; trying again", metadata: ["error": "\(error)"])
                pause()
            }
        } while !isStopping
    }

    /// Waits until there may be work, for a poll interval at most.
    private func pause() { _ = attention.wait(timeout: .now() + configuration.pollInterval.timeInterval) }
}

extension JobFailure: Error {}
