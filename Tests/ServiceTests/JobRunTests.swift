import Formats
import Foundation
import Logging
import Store
import Testing
import Training

@testable import Service

/// A service over a folder of its own, and workers that are threads of this process.
private final class Workplace {
    let service: Service
    private let directory = NSTemporaryDirectory() + "timestep-service-" + UUID().uuidString
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        var configuration = ServiceConfiguration(dataDirectory: directory)
        configuration.workers = 0
        service = Service(
            configuration: configuration, store: try Store(directory: directory, at: Date()), logger: logger)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// A forecast of a short series: an epoch is one step.
    func submit(epochs: Int, learningRate: Double = 0.003) throws -> Job {
        let rows = (0..<12).map { "\(10 + 3 * sin(Double($0)))" }
        let spec = TrainingSpec(
            task: .forecast(ForecastTask(target: ["y"], lookback: 4)),
            network: NetworkSpec(layers: [LayerSpec(cell: .elman(.tanh), hidden: 2)]),
            training: OptimisationSpec(
                epochs: epochs, optimizer: OptimizerSpec(.sgd(), learningRate: learningRate), clip: nil))
        return try service.train(
            TrainRequest(
                model: "m", spec: spec,
                source: .inline(format: .csv, bytes: Array("y\n\(rows.joined(separator: "\n"))\n".utf8))))
    }

    /// Lets a worker work until `isOver`, which is asked with the job.
    func work(on job: Job, until isOver: (Job) -> Bool = { $0.status.isTerminal }) throws -> Job {
        let store = try Store(directory: directory, role: .worker, at: Date())
        var configuration = WorkerConfiguration(name: "test")
        configuration.pollInterval = .milliseconds(10)
        let worker = WorkerLoop(configuration: configuration, store: store, logger: logger)
        let ended = DispatchSemaphore(value: 0)
        Thread {
            worker.run()
            ended.signal()
        }.start()
        while !isOver(try service.job(job.id)) { usleep(5_000) }
        worker.stop()
        ended.wait()
        try store.close()
        return try service.job(job.id)
    }

    func events(of job: Job) throws -> [JobEvent] { try service.events(of: job.id, after: 0, limit: 100_000).items }

    /// The epochs that events tell of, in their order.
    func epochs(of job: Job) throws -> [Int] {
        try events(of: job).filter { $0.kind == .epoch }.map { event in
            let report: EpochReport = try Formats.decode(event.payload ?? "")
            return report.epoch
        }
    }
}

@Suite struct JobRunTests {
    @Test("every epoch is told once and in order, however fast they end, and far fewer writes tell of them")
    func epochs() throws {
        let place = try Workplace()
        let job = try place.work(on: place.submit(epochs: 2000))
        #expect(job.status == .succeeded)
        #expect(try place.epochs(of: job) == Array(1...2000))
        // One transaction gives all its events one time.
        let times = Set(try place.events(of: job).filter { $0.kind == .epoch }.map(\.at))
        #expect(times.count < 1000)
    }

    @Test("a job that is stopped and gone on with tells every epoch once")
    func goneOnWith() throws {
        let place = try Workplace()
        let job = try place.submit(epochs: 100_000)
        let paused = try place.work(on: job) { ($0.progress?.epoch ?? 0) > 5 }
        #expect(paused.status == .queued && paused.attempt == 2)
        let between = try place.epochs(of: job)
        #expect(between == Array(1...between.count) && between.count == paused.progress?.epoch)
        let later = try place.work(on: job) { ($0.progress?.epoch ?? 0) > between.count + 5 }
        let all = try place.epochs(of: job)
        #expect(all == Array(1...all.count) && all.count == later.progress?.epoch)
    }

    @Test("a job that diverges has told the epochs before, says where, and publishes nothing")
    func diverged() throws {
        let place = try Workplace()
        let job = try place.work(on: place.submit(epochs: 1000, learningRate: 1e12))
        #expect(job.status == .failed && job.error?.code == "diverged")
        let epochs = try place.epochs(of: job)
        #expect(epochs == Array(1...max(epochs.count, 1)) && job.progress?.epoch == epochs.count)
        #expect(throws: (any Error).self) { try place.service.model("m") }
    }
}
