import Formats
import Foundation
import NamedFields
import Resources
import Store
import Training

/// From a wish to train to a job in the queue.
extension Service {
    /// Checks everything that can be checked now, makes the data durable, and queues the job.
    ///
    /// A server that dies after this has lost nothing. Throws `.invalid` with every violation, `.tooLarge`, and
    /// `StoreError`.
    public func train(
        _ request: TrainRequest, key: IdempotencyKey? = nil, within allowance: Allowance = .unlimited
    ) throws -> Job {
        try requireRunning()
        try check(request)
        let (dataset, data) = try dataset(for: request, allowance)
        do {
            try allowance.cancellation.check()
            try check(request, on: dataset, data, allowance.memory)
            let spec = JobSpec(
                training: request.spec, missing: request.missing, tags: request.tags, summary: request.summary)
            let job = try store.submit(
                NewJob(
                    model: request.model, spec: Formats.encode(spec), seed: request.spec.training.seed,
                    datasetID: dataset.id),
                key: key, at: now())
            supervisor.hint()
            changes.poke()
            return job
        } catch {
            // Data that came with a refused request is of no further use.
            if case .inline = request.source { try? store.deleteDataset(dataset.id) }
            throw error
        }
    }

    /// What the training would take; queues nothing and keeps no data.
    public func estimate(_ request: TrainRequest, within allowance: Allowance = .unlimited) throws -> Estimate {
        try requireRunning()
        try check(request)
        let (dataset, data) = try dataset(for: request, allowance)
        defer { if case .inline = request.source { try? store.deleteDataset(dataset.id) } }
        try allowance.cancellation.check()
        return try estimate(request, on: dataset, data, allowance.memory)
    }

    /// A rough time for it: the operations at the pace that small networks were seen to train at.
    ///
    /// Right within a factor of two or three; the running job knows better after its first steps.
    public func seconds(for estimate: Estimate, threads: Int) -> Double {
        let operationsPerSecond: Double =
            switch configuration.kernelInstructionSet {
            case .avx512: 30e9
            case .avx2: 20e9
            case .neon: 10e9
            case .baseline: 3e9
            }
        let epochs = Double(estimate.steps) / Double(max(estimate.stepsPerEpoch, 1))
        return estimate.floatingPointOperationsPerEpoch * epochs / operationsPerSecond
    }

    private func check(_ request: TrainRequest) throws {
        guard ModelName.isValid(request.model) else {
            throw ServiceError.invalid(
                "model",
                detail: "\"\(request.model.excerpt())\" cannot name a model: expected 1 to \(ModelName.maximumLength) "
                    + "letters, digits, '.', '_' or '-', the first no '.' or '-'")
        }
    }

    /// The dataset, and what its task learns from where it came with the request and is not too much to be checked.
    private func dataset(
        for request: TrainRequest, _ allowance: Allowance
    ) throws -> (dataset: Dataset, data: TrainingData?) {
        switch request.source {
        case .dataset(let id):
            do {
                return (try store.dataset(id), nil)
            } catch {
                guard case .notFound = error.reason else { throw error }
                throw ServiceError.invalid(
                    "data", "dataset",
                    detail: "there is no dataset \"\(id.excerpt())\"; upload it with POST /datasets first")
            }
        case .inline(let format, let bytes):
            do {
                return try receive(bytes, format, of: request, allowance)
            } catch let error as ServiceError where error.reason == .invalid {
                throw ServiceError.invalid(
                    request.placed(Violations(error.violations, omitted: error.omitted)))
            }
        }
    }

    /// Makes data that came inside a request durable; its records are read once, for the schema and for the task.
    private func receive(
        _ bytes: [UInt8], _ format: DatasetFormat, of request: TrainRequest, _ allowance: Allowance
    ) throws -> (dataset: Dataset, data: TrainingData?) {
        try requireRunning()
        let isChecked = bytes.count <= configuration.checkedAtOnce
        let receiver = try DatasetReceiver(self, format, for: isChecked ? request : nil)
        do {
            var rest = bytes[...]
            var taken = 0
            while !rest.isEmpty {
                try allowance.cancellation.check()
                try receiver.write(Array(rest.prefix(Self.piece)))
                rest = rest.dropFirst(Self.piece)
                // What a piece holds is known once it is read. It is hardly more than its bytes, and never more than may be
                // checked.
                let numbers = receiver.numberCount
                try allowance.memory.take(numbers - taken, each: Self.bytesOfNumber, for: Self.checkedData)
                taken = numbers
            }
            return try receiver.finish(.inline)
        } catch {
            receiver.abandon()
            throw error
        }
    }

    /// As they grow while they are read (the old and the new room side by side), and as the estimate looks at them: counted
    /// at 45 bytes a number.
    private static let bytesOfNumber = 6 * MemoryLayout<Double>.stride
    private static let checkedData = "the data while it is checked"

    /// Bytes of inline data between two looks whether its client is still there.
    private static let piece = 1 << 20

    /// Numbers that are read only to check a request: 64 MiB of them, with what is made of them six times as much. A short
    /// text can stand for more, where its records lack most of the columns.
    static let mostChecked = 1 << 23

    /// Data of moderate size is read whole, as the worker will read it; large data is judged by what its scan found.
    private func check(
        _ request: TrainRequest, on dataset: Dataset, _ data: TrainingData?, _ memory: MemoryShare
    ) throws {
        let numbers = try self.numbers(request, of: summary(of: dataset))
        let need: Int
        if dataset.bytes <= configuration.checkedAtOnce, numbers <= Self.mostChecked {
            need = try estimate(request, on: dataset, data, memory).memoryBytes
        } else {
            try checkSchema(request, on: dataset)
            // As read, as transformed, and as the network sees it.
            need = numbers * (8 + 8 + 4)
        }
        try require(need)
    }

    private func require(_ need: Int) throws {
        guard need <= configuration.jobMemory else {
            throw ServiceError(
                .tooLarge,
                "this training needs about \(need) bytes, and \(configuration.jobMemory) are allowed for one job; use a "
                    + "smaller batch, network or lookback, or start the server with more job memory")
        }
    }

    private func estimate(
        _ request: TrainRequest, on dataset: Dataset, _ data: TrainingData?, _ memory: MemoryShare
    ) throws -> Estimate {
        let numbers = try self.numbers(request, of: summary(of: dataset))
        if numbers > Self.mostChecked { try checkSchema(request, on: dataset) }
        try require(numbers * (8 + 8 + 4))
        // What came with the request has taken its memory.
        if data == nil { try memory.take(numbers, each: Self.bytesOfNumber, for: Self.checkedData) }
        do {
            return Estimate(try TrainingPlan(request.checked, data ?? self.data(of: dataset, request)))
        } catch let violations as Violations {
            throw ServiceError.invalid(request.placed(violations))
        }
    }

    private func data(of dataset: Dataset, _ request: TrainRequest) throws -> TrainingData {
        let data = try dataset.load(for: request.spec.task, missing: request.missing, from: store)
        try store.touchDataset(dataset.id, at: now())
        return data
    }

    /// What can be told from the scan: columns that are not there or hold no numbers, missing values, too few rows.
    private func checkSchema(_ request: TrainRequest, on dataset: Dataset) throws {
        let summary = try summary(of: dataset)
        var found = summary.violations(for: request.spec.task, missing: request.missing) ?? Violations([])
        if case .forecast(let task) = request.spec.task,
            let shortage = task.shortage(rows: summary.rows, validates: request.spec.training.validation != nil)
        {
            found.add(at: shortage.path, shortage.detail)
        }
        guard found.isEmpty else { throw ServiceError.invalid(request.placed(found)) }
    }

    /// Numbers that the task reads of a dataset. Neither rows nor columns come near the square root of what can be counted,
    /// since each of them took a byte at least.
    private func numbers(_ request: TrainRequest, of summary: DatasetSummary) -> Int {
        let columns =
            switch request.spec.task {
            case .forecast(let task): task.target.count + task.features.count
            case .classify(let task):
                summary.sequences?.features ?? (task.features.isEmpty ? summary.columns.count : task.features.count)
            case .label(let task):
                summary.sequences?.features ?? (task.features.isEmpty ? summary.columns.count : task.features.count)
            }
        return (summary.sequences?.steps ?? summary.rows) * columns
    }
}

extension Dataset {
    /// Reads the columns that a task names, and nothing else, into memory.
    ///
    /// Throws `Violations` with every place that is wrong.
    func load(for task: TaskSpec, missing: MissingPolicy, from store: Store) throws -> TrainingData {
        guard let format = DatasetFormat(rawValue: format) else {
            throw ServiceError(.invalid, "dataset \(id) is kept in the unknown format \"\(format)\"")
        }
        do {
            return try DatasetLoader(path: store.path(of: self), format: format).load(task, missing: missing)
        } catch let violations as Violations {
            throw violations
        } catch let error as ServiceError {
            throw error
        } catch {
            // The system's words name the file by its path on this machine. The store says whether the dataset was
            // deleted meanwhile, or what is wrong with its file.
            _ = try store.dataset(id)
            try store.verifyDataset(self)
            throw StoreError(
                .inputOutput(operation: "read", path: store.path(of: self), code: EIO),
                "dataset \(id) could not be read just now; send the request again")
        }
    }
}

extension TrainRequest {
    /// Where the data stands in the request.
    var dataPath: [Violation.PathComponent] {
        switch source {
        case .dataset: [.key("data"), .key("dataset")]
        case .inline(format: .csv, _): [.key("data"), .key("csv")]
        case .inline: [.key("data"), .key("records")]
        }
    }

    /// Violations of the data get the data's place; those that name the task or the network already have theirs.
    func placed(_ violations: Violations) -> Violations {
        let own: Set<Violation.PathComponent> = ["task", "network", "training", "data", "model"]
        let list = violations.list.map { violation in
            guard let first = violation.path.first, own.contains(first) else {
                return Violation(path: dataPath + violation.path, detail: violation.detail)
            }
            return violation
        }
        return Violations(list, omitted: violations.omitted)
    }
}
