import Models
import NamedFields
import Networks

// What a specification can be reproached with before the data is seen. Bounds are generous: they keep out slips and
// what no machine could hold, not what is merely unusual. What concerns one field stands at the field; here is what
// fields have to do with each other.

extension TrainingSpec {
    /// The greatest numbers accepted; the interface states the same.
    public enum Limit {
        public static let layers = ModelLimit.layers
        public static let lookback = ModelLimit.lookback
        public static let horizon = ModelLimit.horizon
        public static let period = ModelLimit.period
        public static let epochs = 1_000_000
        public static let batchSize = 1_000_000
        /// Rows of a stream that a gradient goes through.
        public static let window = ModelLimit.lookback
        public static let threads = 256
        /// Above 2^53 numbers of JSON lose digits, and the seed would be another one.
        public static let seeds: ClosedRange<UInt64> = 0...UInt64(FieldValue.largestExactInteger)
        public static let columns = ModelLimit.columns
        public static let labels = ModelLimit.labels
        public static let transforms = ModelLimit.transforms
    }

    /// All that is wrong with it, each with its path from the root of the specification.
    public func violations() -> Violations {
        var findings = FieldFindings()
        FieldChecker.check(self, &findings)
        // What fields have to do with each other is asked of fields that are within their bounds.
        if !findings.all.concern("network") {
            findings.at("network") { findings in
                findings.at("layers") {
                    network.layers.noteConflicts(&$0)
                    task.noteConflicts(network.layers, &$0)
                }
            }
        }
        var found = findings.all
        switch task {
        case .forecast(let forecast): forecast.check(&found)
        case .classify(let classify): classify.check(&found)
        case .label(let label): label.check(&found)
        }
        training.check(&found)
        training.checkStreams(network, task, &found)
        return found
    }
}

extension TaskSpec {
    /// What the layers have to do with the task.
    fileprivate func noteConflicts(_ layers: [LayerSpec], _ findings: inout FieldFindings) {
        for (index, layer) in layers.enumerated() {
            findings.at(.index(index)) { findings in
                if case .forecast = self, layer.bidirectional {
                    findings.at("bidirectional") {
                        $0.add(
                            "a forecast goes on from row to row, and nothing can be read from the end of what is to come"
                        )
                    }
                }
                if layer.readsIndices, !readsSymbols {
                    findings.at("kind") { $0.add("an embedding reads symbols, and this task reads numbers") }
                }
            }
        }
    }

    /// Whether an input row is a symbol.
    private var readsSymbols: Bool {
        if case .label(let task) = self { task.inputKind == .tokens } else { false }
    }
}

extension ForecastTask {
    fileprivate func check(_ found: inout Violations) {
        let columns = target.count + features.count
        if columns > TrainingSpec.Limit.columns {
            found.add(at: ["task", "features"], "\(columns) columns; at most \(TrainingSpec.Limit.columns) are taken")
        }
        var roles: [String: String] = [:]
        func claim(_ name: String, _ role: String, _ path: [Violation.PathComponent]) {
            guard !name.isEmpty else { return }
            if let taken = roles[name] {
                found.add(at: path, "column \"\(name.excerpt())\" is already a \(taken)")
            } else {
                roles[name] = role
            }
        }
        for (index, name) in target.enumerated() {
            claim(name, "target", target.count == 1 ? ["task", "target"] : ["task", "target", .index(index)])
        }
        for (index, name) in features.enumerated() { claim(name, "feature", ["task", "features", .index(index)]) }
        if let time { claim(time, "time column", ["task", "time"]) }
        checkTransform(transform, &found)
    }
}

extension ClassifyTask {
    fileprivate func check(_ found: inout Violations) {
        if sequence == label {
            found.add(
                at: ["task", "sequence"], "column \"\(label.excerpt())\" cannot be both the sequence and the label")
        }
        checkFeatures(features, label: label, sequence: sequence, &found)
        checkTransform(transform, &found)
    }
}

/// Columns of data in rows that a network sees, each once and none of them with another part.
func checkFeatures(_ features: [String], label: String, sequence: String?, _ found: inout Violations) {
    var seen: Set<String> = []
    for (index, name) in features.enumerated() {
        if name == label || name == sequence {
            found.add(
                at: ["task", "features", .index(index)], "column \"\(name.excerpt())\" already has another part")
        } else if !seen.insert(name).inserted {
            found.add(at: ["task", "features", .index(index)], "column \"\(name.excerpt())\" is named twice")
        }
    }
}

func checkTransform(_ transform: [TransformSpec], _ found: inout Violations) {
    for (index, step) in transform.enumerated() where step == .log && index > 0 {
        found.add(
            at: ["task", "transform", .index(index)],
            "log takes values above 0, which \(transform[index - 1].phrase) does not leave; put it first")
    }
}

extension TransformSpec {
    fileprivate var phrase: String {
        switch self {
        case .log: "another log"
        case .difference, .seasonalDifference: "a difference"
        case .standardize, .minMax: "scaling"
        }
    }
}

extension OptimizationSpec {
    fileprivate func check(_ found: inout Violations) {
        if optimizer.kind == .sgd, optimizer.nesterov, optimizer.momentum == 0 {
            found.add(at: ["training", "optimizer", "nesterov"], "Nesterov's step needs a momentum above 0")
        }
        if earlyStopping != nil, validation == nil {
            found.add(
                at: ["training", "early_stopping"],
                "early stopping watches the validation loss: ask for validation, such as {\"fraction\": 0.1}, too")
        }
    }
}
