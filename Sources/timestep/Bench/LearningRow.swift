import Formats

/// One row of the table of `timestep bench learning`: what is learnt from which data, by which network and how, and what
/// PyTorch reached with a network of the same shape.
struct LearningRow {
    var name: String
    var told: String
    var network: String
    var source: LearningData.Source
    var measure: LearningMeasure
    /// The figure of PyTorch in words, and the one to reach.
    var reference: String
    var bound: Double
    var task: JSON
    var layers: JSON
    var training: JSON

    func reaches(_ figure: Double) -> Bool { measure.isShare ? figure >= bound : figure <= bound }
}

extension LearningRow {
    static let all: [LearningRow] = [
        LearningRow(
            name: "tags", told: "UD English, part of speech of every word", network: "embedding, BiLSTM 64",
            source: .tags, measure: .accuracy, reference: "0.893", bound: 0.893,
            task: ["kind": "label", "inputs": "tokens", "min_count": 2],
            layers: [
                "layers": [
                    ["kind": "embedding", "width": 64], ["cell": "lstm", "hidden": 64, "bidirectional": true],
                ], "dropout": 0.3, "output_dropout": 0.3,
            ],
            training: [
                "epochs": 30, "batch_size": 32, "optimizer": ["kind": "adam", "learning_rate": 0.003],
                "validation": ["fraction": 0.1667], "early_stopping": ["patience": 3],
            ]),
        LearningRow(
            name: "vowels", told: "JapaneseVowels, speaker of a vowel", network: "BiGRU 64", source: .vowels,
            measure: .accuracy, reference: "0.983", bound: 0.983, task: ["kind": "classify", "pool": "mean"],
            layers: ["cell": "gru", "hidden": 64, "bidirectional": true],
            training: [
                "epochs": 60, "batch_size": 16, "optimizer": ["kind": "adam", "learning_rate": 0.02],
                "schedule": ["kind": "cosine"],
            ]),
        LearningRow(
            name: "reber", told: "embedded Reber strings, whole ones right", network: "LSTM 20", source: .reber,
            measure: .wholeSequences, reference: "1.0", bound: 1,
            task: ["kind": "label", "inputs": "tokens", "split": "characters", "answers": "flags"],
            layers: ["cell": "lstm", "hidden": 20],
            training: ["epochs": 400, "batch_size": 32, "optimizer": ["kind": "adam", "learning_rate": 0.01]]),
        chorales("lstm36", "LSTM 36", ["cell": "lstm", "hidden": 36], reference: "8.63", bound: 8.63),
        chorales("gru46", "GRU 46", ["cell": "gru", "hidden": 46], reference: "9.0 to 9.3", bound: 8.8),
        chorales(
            "elman100", "Elman 100", ["cell": "elman", "hidden": 100], learningRate: 0.001, reference: "8.72",
            bound: 8.72),
        chorales(
            "lstm150", "LSTM 150, dropout", ["cell": "lstm", "hidden": 150, "output_dropout": 0.5],
            reference: "8.36 to 8.41", bound: 8.41),
    ]

    static let names = all.map(\.name).joined(separator: ", ")

    /// The next frame of a chorale, of which any notes may sound.
    private static func chorales(
        _ name: String, _ network: String, _ layers: JSON, learningRate: Double = 0.003, reference: String,
        bound: Double
    ) -> LearningRow {
        LearningRow(
            name: name, told: "JSB chorales, nats a frame", network: network, source: .chorales,
            measure: .likelihood, reference: reference, bound: bound,
            task: ["kind": "label", "answers": "flags", "transform": []], layers: layers,
            training: [
                "epochs": 400, "batch_size": 8, "optimizer": ["kind": "adamw", "learning_rate": .number(learningRate)],
                "weight_decay": 0.1,
                "validation": ["fraction": 0.25], "early_stopping": ["patience": 20],
            ])
    }
}
