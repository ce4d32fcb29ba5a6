import Formats
import Networks
import Training

/// The object `task` of a request to train.
extension TaskSpec {
    init?(reading task: JSONReader) {
        guard task.value.object != nil else {
            task.fail("expected an object, found \(task.value.kindName)")
            return nil
        }
        switch task.choice("kind", Kind.self) {
        case .forecast:
            guard let forecast = ForecastTask(reading: task) else { return nil }
            self = .forecast(forecast)
        case .classify:
            guard let classify = ClassifyTask(reading: task) else { return nil }
            self = .classify(classify)
        case nil: return nil
        }
    }
}

extension ForecastTask {
    static let fields = [
        "kind", "target", "features", "time", "lookback", "horizon", "transform", "holdout", "season",
    ]

    init?(reading task: JSONReader) {
        guard task.fields(Self.fields) else { return nil }
        typealias Limit = TrainingSpec.Limit
        let target = task.required("target").flatMap {
            $0.value.string.map { [$0] } ?? $0.nonEmptyStrings("a column name, or a list of them")
        }
        let standard = ForecastTask(target: [])
        let read = ForecastTask(
            target: target ?? [],
            features: task.optional("features")?.strings() ?? standard.features,
            time: task.optional("time")?.string(),
            lookback: task.int("lookback", in: 1...Limit.lookback, default: standard.lookback),
            horizon: task.int("horizon", in: 1...Limit.horizon, default: standard.horizon),
            transform: task.optional("transform")?.transforms() ?? standard.transform,
            holdout: task.int("holdout", in: 0...JSON.largestExactInteger, default: standard.holdout),
            season: task.optional("season")?.int(in: 1...Limit.period))
        guard target != nil else { return nil }
        self = read
    }
}

extension ClassifyTask {
    static let fields = ["kind", "pool", "sequence", "label", "features", "transform"]

    init?(reading task: JSONReader) {
        guard task.fields(Self.fields) else { return nil }
        let standard = ClassifyTask()
        self.init(
            pool: task.choice("pool", default: standard.pool),
            sequence: task.optional("sequence")?.string(),
            label: task.string("label", default: standard.label),
            features: task.optional("features")?.strings() ?? standard.features,
            transform: task.optional("transform")?.transforms() ?? standard.transform)
    }
}

extension JSONReader {
    /// A list of transforms, each a name or, where it needs a number, an object of one member.
    func transforms() -> [TransformSpec]? {
        guard let elements = elements() else { return nil }
        let transforms = elements.map { $0.transform() }
        return transforms.contains(nil) ? nil : transforms.compactMap { $0 }
    }

    private func transform() -> TransformSpec? {
        if let name = value.string {
            if let transform = TransformSpec(name: name) { return transform }
            if name == "seasonal_difference" {
                fail("say how many rows before: {\"seasonal_difference\": 12}")
            } else {
                fail(
                    "\"\(name)\" is none of the transforms" + Suggestion.hint(for: name, among: TransformSpec.allNames))
            }
            return nil
        }
        guard value.object != nil else {
            fail("expected the name of a transform or {\"seasonal_difference\": 12}, found \(value.kindName)")
            return nil
        }
        guard fields(["seasonal_difference"]) else { return nil }
        return int("seasonal_difference", in: 1...TrainingSpec.Limit.period).map { .seasonalDifference($0) }
    }

    /// A list of strings that is not empty.
    func nonEmptyStrings(_ expectation: String) -> [String]? {
        guard let count = value.count, count > 0 else {
            fail("expected \(expectation), found \(value.count == 0 ? "an empty list" : value.kindName)")
            return nil
        }
        return strings()
    }
}

extension TransformSpec {
    fileprivate static let allNames = ["log", "difference", "seasonal_difference", "standardise", "min_max"]
}
