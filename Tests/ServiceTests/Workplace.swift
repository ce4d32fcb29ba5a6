import Formats
import Foundation
import Kernels
import Logging
import Models
import NamedFields
import Networks
import Store
import Training

@testable import Service

/// A service over a folder of its own, and workers that are threads of this process.
final class Workplace {
    let service: Service
    private let directory = NSTemporaryDirectory() + "timestep-service-" + UUID().uuidString
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(
        _ change: (inout ServiceConfiguration) -> Void = { _ in }, now: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        var configuration = ServiceConfiguration(dataDirectory: directory)
        configuration.workers = 0
        change(&configuration)
        service = Service(
            configuration: configuration, store: try Store(directory: directory, at: Date()), logger: logger,
            now: now)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    /// A forecast of a short series: an epoch is one step.
    func submit(
        _ task: ForecastTask = ForecastTask(target: ["y"], lookback: 4), epochs: Int, learningRate: Double = 0.003,
        csv: String? = nil
    ) throws -> Job {
        let rows = (0..<12).map { "\(10 + 3 * sin(Double($0))),\($0 % 3)\n" }
        let spec = TrainingSpec(
            task: .forecast(task), network: NetworkSpec(layers: [LayerSpec(cell: .elman(.tanh), hidden: 2)]),
            training: OptimizationSpec(
                epochs: epochs, optimizer: OptimizerSpec(.sgd, learningRate: learningRate), clip: nil))
        let text = csv ?? "y,u\n" + rows.joined()
        return try service.train(
            TrainRequest(model: "m", spec: CheckedSpec(spec), source: .inline(format: .csv, bytes: Array(text.utf8))))
    }

    /// What a request is refused with; none where it is not.
    func violations(_ body: () throws -> Void) -> [Violation] {
        do { try body() } catch { return (error as? ServiceError)?.violations ?? (error as? Violations)?.list ?? [] }
        return []
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
