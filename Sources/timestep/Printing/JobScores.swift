import Formats

/// The scores of a finished forecast job on the rows that were kept from it, as its report tells them.
struct JobScores: Equatable {
    struct Scores: Equatable {
        var rmse: Double?
        var mae: Double?
        var mase: Double?
        var smape: Double?

        init?(_ document: JSON?) {
            guard let document, document.object != nil else { return nil }
            rmse = document.read("Scores: rmse")?.double
            mae = document.read("Scores: mae")?.double
            mase = document.read("Scores: mase")?.double
            smape = document.read("Scores: smape")?.double
        }
    }

    /// The forecasts that anybody could make, in the order of their simplicity.
    static let baselines = [
        ("naive", "naive"), ("seasonal_naive", "seasonal naive"), ("seasonal_drift", "seasonal drift"),
    ]

    var rows: Int
    var horizon: Int
    /// Over the horizon.
    var network: Scores?
    var oneStep: Scores?
    /// Name, over the horizon, one step ahead.
    var naive: [(name: String, horizon: Scores?, oneStep: Scores?)]

    init?(_ job: JSON) {
        guard let holdout = job.read("Job: report.holdout"), let rows = holdout.read("HoldoutReport: rows")?.int else {
            return nil
        }
        self.rows = rows
        horizon = min(rows, job.read("Job: spec.task.horizon")?.int ?? rows)
        network = Scores(holdout.read("HoldoutReport: horizon"))
        oneStep = Scores(holdout.read("HoldoutReport: one_step"))
        naive = Self.baselines.compactMap { key, name in
            guard let baseline = holdout.read("HoldoutReport: baselines")?[key], !baseline.isNull else { return nil }
            return (
                name, Scores(baseline.read("ForecastScores: horizon")),
                Scores(baseline.read("ForecastScores: one_step"))
            )
        }
    }

    static func == (left: JobScores, right: JobScores) -> Bool {
        left.rows == right.rows && left.horizon == right.horizon && left.network == right.network
            && left.oneStep == right.oneStep && left.naive.elementsEqual(right.naive) { $0 == $1 }
    }
}
