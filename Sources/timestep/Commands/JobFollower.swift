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
        var view = View(label: label)
        line.show(view.bar)
        try server.events("/jobs/\(segment(id))/events") { event in
            guard let document = try? JSON.parse(event.data) else { return true }
            if event.name == "epoch", let loss = Self.loss(document.read("JobEvent: data")) {
                // A job that was taken up again repeats epochs since its checkpoint.
                losses.removeAll { $0.epoch >= loss.epoch }
                losses.append(loss)
            }
            view.take(event.name, document)
            line.show(view.bar)
            return true
        }
        line.end()
        return Outcome(job: try server.get("/jobs/\(segment(id))"), losses: losses)
    }

    static func loss(_ data: JSON?) -> EpochLoss? {
        guard let epoch = data?.read("EpochFigures: epoch")?.int else { return nil }
        return EpochLoss(
            epoch: epoch, training: data?.read("EpochFigures: train_loss")?.double,
            validation: data?.read("EpochFigures: validation_loss")?.double)
    }

    /// What is known of a job from its events so far.
    struct View {
        var label: String
        private var isRunning = false
        private var fraction: Double?
        private var epoch: Int?
        private var epochs: Int?
        private var loss: Double?
        private var secondsLeft: Double?

        init(label: String) {
            self.label = label
        }

        mutating func take(_ event: String, _ document: JSON) {
            let data = document.read("JobEvent: data")
            switch event {
            case "progress":
                isRunning = true
                let progress = data?.read("ProgressFigures: progress")
                fraction = progress?.read("ProgressFigures.progress: fraction")?.double ?? fraction
                epoch = progress?.read("ProgressFigures.progress: epoch")?.int ?? epoch
                epochs = progress?.read("ProgressFigures.progress: epochs")?.int ?? epochs
                loss = data?.read("ProgressFigures: metrics.train_loss")?.double ?? loss
                secondsLeft = progress?.read("ProgressFigures.progress: eta_seconds")?.double
            case "epoch":
                epoch = data?.read("EpochFigures: epoch")?.int ?? epoch
                loss = data?.read("EpochFigures: train_loss")?.double ?? loss
            case "status":
                isRunning = document.read("JobEvent: status")?.string == "running"
            case "done":
                if document.read("JobEvent: status")?.string == "succeeded" { fraction = 1 }
                secondsLeft = nil
            default: break
            }
        }

        var bar: ProgressBar {
            var notes: [String] = []
            if let epoch { notes.append("epoch \(epoch)" + (epochs.map { " of \($0)" } ?? "")) }
            if let loss { notes.append("loss \(Numerals.short(loss))") }
            if let secondsLeft, secondsLeft > 0 { notes.append(Numerals.time(seconds: secondsLeft) + " left") }
            if !isRunning && notes.isEmpty { notes = ["waiting for a worker"] }
            return ProgressBar(label: label, fraction: fraction, notes: notes)
        }
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
