import Formats

/// What is said of one job, or of several that differ in their seed, when they have ended.
struct TrainingSummary {
    private let outcomes: [JobFollower.Outcome]

    init(_ outcomes: [JobFollower.Outcome]) {
        self.outcomes = outcomes
    }

    func lines(for terminal: Terminal) -> [String] {
        var lines = outcomes.flatMap { headline($0.job) }
        if let losses = outcomes.last?.losses, let plot = JobFollower.plot(losses) {
            lines += [""] + plot.lines(for: terminal)
        }
        let scores = outcomes.map { JobScores($0.job) }
        if let table = forecastTable(scores) { lines += [""] + table.lines(for: terminal, indent: 2) }
        if let table = classificationTable() { lines += [""] + table.lines(for: terminal, indent: 2) }
        if let line = precisionLine() { lines += ["", "  " + line] }
        return lines
    }

    /// nil where one is unknown: a mean over some of the seeds would be picked.
    static func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap { $0 }
        return known.isEmpty || known.count < values.count ? nil : known.reduce(0, +) / Double(known.count)
    }

    private func headline(_ job: JSON) -> [String] {
        let id = job.read("Job: id")?.string ?? "?"
        let name = job.read("Job: model.name")?.string ?? "?"
        let seed = job.read("Job: seed")?.int.map { ", seed \($0)" } ?? ""
        switch job.read("Job: status")?.string {
        case "succeeded":
            let version = job.read("Job: model.version")?.int.map { ":\($0)" } ?? ""
            let report = job.read("Job: report")
            var told = ["\(report?.read("Report: epochs_run")?.int ?? 0) epochs"]
            if report?.read("Report: stopped_early")?.bool == true, let best = report?.read("Report: best_epoch")?.int {
                told.append("best after \(best)")
            }
            told.append("loss \(Numerals.short(report?.read("Report: train_loss")?.double))")
            if let loss = report?.read("Report: validation_loss")?.double {
                told.append("validation loss \(Numerals.short(loss))")
            }
            let warnings = report?.read("Report: warnings")?.array?.compactMap(\.string) ?? []
            return ["\(name)\(version)\(seed): \(told.joined(separator: ", "))  (\(id))"]
                + warnings.map { "  note: \($0)" }
        case "failed":
            let code = job.read("Job: error.code")?.string.map { " (\($0))" } ?? ""
            return [
                "\(id): \(name)\(seed) failed\(code): \(job.read("Job: error.detail")?.string ?? "no reason is known")"
            ]
        case let status:
            let percent = job.read("Job: progress.fraction")?.double.map { ", \(Int($0 * 100))% done" } ?? ""
            return ["\(id): \(name)\(seed) is \(status ?? "?")\(percent)"]
        }
    }

    // MARK: Forecasts

    private func forecastTable(_ all: [JobScores?]) -> TextTable? {
        guard let first = all.compactMap({ $0 }).first else { return nil }
        var table = TextTable([
            ("last \(first.rows) rows, not trained on", .left), ("RMSE", .right), ("MAE", .right), ("MASE", .right),
            ("sMAPE %", .right), ("one step: RMSE", .right),
        ])
        for (outcome, scores) in zip(outcomes, all) {
            let name =
                outcomes.count > 1
                ? "seed \(outcome.job.read("Job: seed")?.int ?? 0)" : "network, \(first.horizon) ahead"
            table.add(Self.row(name, scores?.network, scores?.oneStep), isEmphasised: outcomes.count == 1)
        }
        if outcomes.count > 1 {
            func mean(_ path: (JobScores) -> Double?) -> Double? { Self.mean(all.map { $0.flatMap(path) }) }
            table.add(
                [
                    "network, \(first.horizon) ahead, mean of \(outcomes.count) seeds",
                    Numerals.fixed(mean { $0.network?.rmse }, 2), Numerals.fixed(mean { $0.network?.mae }, 2),
                    Numerals.fixed(mean { $0.network?.mase }, 3), Numerals.fixed(mean { $0.network?.smape }, 2),
                    Numerals.fixed(mean { $0.oneStep?.rmse }, 2),
                ], isEmphasised: true)
        }
        for baseline in first.naive { table.add(Self.row(baseline.name, baseline.horizon, baseline.oneStep)) }
        return table
    }

    private static func row(_ name: String, _ scores: JobScores.Scores?, _ oneStep: JobScores.Scores?) -> [String] {
        [
            name, Numerals.fixed(scores?.rmse, 2), Numerals.fixed(scores?.mae, 2), Numerals.fixed(scores?.mase, 3),
            Numerals.fixed(scores?.smape, 2), Numerals.fixed(oneStep?.rmse, 2),
        ]
    }

    // MARK: Precisions

    /// What the same rows or sequences score in fewer bits, beside float32: the mean over the seeds.
    private func precisionLine() -> String? {
        let reports = outcomes.compactMap { $0.job.read("Job: report.precision") }.filter { !$0.isNull }
        guard let part = reports.first?.read("PrecisionReport: part")?.string, reports.count == outcomes.count else {
            return nil
        }
        let scores: [(name: String, digits: Int, of: (JSON) -> Double?)] = [
            ("RMSE", 2, { $0.read("PrecisionScores: horizon.rmse")?.double }),
            ("accuracy", 4, { $0.read("PrecisionScores: accuracy")?.double }),
        ]
        for score in scores {
            let means = ["float32", "bfloat16", "int8"].map { precision in
                (precision, Self.mean(reports.map { $0[precision].flatMap(score.of) }))
            }
            guard means.contains(where: { $0.1 != nil }) else { continue }
            let told = means.map { "\($0.0) \(Numerals.fixed($0.1, score.digits))" }
            return "\(score.name) (\(part)) answering in \(told.joined(separator: ", "))"
        }
        return nil
    }

    // MARK: Labels

    private func classificationTable() -> TextTable? {
        let reports = outcomes.compactMap { outcome in
            outcome.job.read("Job: report.classification").flatMap {
                $0.isNull ? nil : ($0, outcome.job.read("Job: seed")?.int ?? 0)
            }
        }
        guard !reports.isEmpty else { return nil }
        var table = TextTable([
            ("accuracy", .left), ("trained on", .right), ("validation", .right), ("commonest label", .right),
        ])
        for (report, seed) in reports {
            table.add([
                "seed \(seed)", Numerals.fixed(report.read("Report.classification: train_accuracy")?.double, 4),
                Numerals.fixed(report.read("Report.classification: validation_accuracy")?.double, 4),
                Numerals.fixed(report.read("Report.classification: majority_accuracy")?.double, 4),
            ])
        }
        return table
    }
}
