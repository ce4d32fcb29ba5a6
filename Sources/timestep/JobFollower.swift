import Formats

/// Watches jobs from the outside until they end, and shows how far they are.
struct JobFollower {
    /// What was seen of a job while it ran.
    struct Outcome {
        /// The job document at its end.
        var job: JSON
        var losses: [EpochLoss]
    }

    struct EpochLoss: Equatable {
        var epoch: Int
        var training: Double?
        var validation: Double?
    }

    let server: Server
    let terminal: Terminal
    let descriptor: Int32

    /// Follows the job's events to its end.
    func follow(_ id: String, label: String) throws(CommandError) -> Outcome {
        var line = ProgressLine(terminal: terminal, descriptor: descriptor)
        var losses: [EpochLoss] = []
        var bar = ProgressBar(label: label, fraction: nil, notes: ["waiting for a worker"])
        line.show(bar)
        try server.events("/jobs/\(segment(id))/events") { event in
            guard let document = try? JSON.parse(event.data) else { return true }
            let data = document["data"]
            switch event.name {
            case "epoch":
                if let loss = Self.loss(data) {
                    // A job that was taken up again repeats epochs since its checkpoint.
                    losses.removeAll { $0.epoch >= loss.epoch }
                    losses.append(loss)
                }
                Self.update(&bar, data)
            case "progress":
                Self.update(&bar, data)
            case "status":
                if document["status"]?.string == "queued" { bar.notes = ["waiting for a worker"] }
            case "done":
                if document["status"]?.string == "succeeded" {
                    bar.fraction = 1
                    bar.notes.removeAll { $0.hasSuffix(" left") }
                }
            default: break
            }
            line.show(bar)
            return true
        }
        line.end()
        return Outcome(job: try server.get("/jobs/\(segment(id))"), losses: losses)
    }

    static func loss(_ data: JSON?) -> EpochLoss? {
        guard let epoch = data?["epoch"]?.int else { return nil }
        return EpochLoss(
            epoch: epoch, training: data?["train_loss"]?.double, validation: data?["validation_loss"]?.double)
    }

    /// Takes over what an event tells, and keeps what it does not.
    static func update(_ bar: inout ProgressBar, _ data: JSON?) {
        guard let data else { return }
        let progress = data["progress"] ?? data
        let metrics = data["metrics"] ?? data
        if let fraction = progress["fraction"]?.double { bar.fraction = fraction }
        var notes: [String] = []
        if let epoch = progress["epoch"]?.int, let epochs = progress["epochs"]?.int {
            notes.append("epoch \(epoch) of \(epochs)")
        } else if let kept = bar.notes.first(where: { $0.hasPrefix("epoch ") }) {
            notes.append(kept)
        }
        if let loss = metrics["train_loss"]?.double {
            notes.append("loss \(Numerals.short(loss))")
        } else if let kept = bar.notes.first(where: { $0.hasPrefix("loss ") }) {
            notes.append(kept)
        }
        if let seconds = progress["eta_seconds"]?.double, seconds > 0 {
            notes.append(Numerals.time(seconds: seconds) + " left")
        }
        if !notes.isEmpty { bar.notes = notes }
    }

    /// Losses by epoch as a plot.
    static func plot(_ losses: [EpochLoss]) -> Plot? {
        guard losses.count > 2, let first = losses.first, let last = losses.last else { return nil }
        var series = [Plot.Series("training", losses.map(\.training), colour: .cyan)]
        if losses.contains(where: { $0.validation != nil }) {
            series.append(
                Plot.Series("validation", losses.map(\.validation), colour: .yellow, isDotted: true, mark: "o"))
        }
        let values = series.flatMap(\.values).compactMap { $0 }.filter { $0 > 0 && $0.isFinite }
        let spread = (values.max() ?? 1) / (values.min() ?? 1)
        return Plot(
            title: "loss by epoch", series: series, firstLabel: "\(first.epoch)", lastLabel: "\(last.epoch)",
            scale: spread > 20 ? .logarithmic : .linear, height: 8)
    }
}
