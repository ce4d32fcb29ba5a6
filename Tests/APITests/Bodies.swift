import Formats
import Foundation

/// Bodies to train on that are learnt within a second.
enum Bodies {
    /// A small seasonal series with a time column: 48 months.
    static let months: String = {
        var lines = ["month,y,x"]
        for row in 0..<48 {
            let month = String(format: "%04d-%02d", 2000 + row / 12, row % 12 + 1)
            let y = 100 + Double(row) + 20 * sin(Double(row) * .pi / 6)
            lines.append("\(month),\(y),\(row % 3)")
        }
        return lines.joined(separator: "\n") + "\n"
    }()

    static func forecast(
        model: String = "m", data: String? = nil, features: String = "[]", extra: String = "", epochs: Int = 2,
        seed: Int = 1
    ) -> String {
        let data = data ?? #"{"csv": \#(JSON.string(months).text)}"#
        return #"""
            {"model": "\#(model)",
             "task": {"kind": "forecast", "target": "y", "features": \#(features), "time": "month", "lookback": 6, "horizon": 3,
                      "transform": ["log", {"seasonal_difference": 12}, "standardize"], "holdout": 6},
             "network": {"cell": "lstm", "hidden": 4},
             "training": {"epochs": \#(epochs), "batch_size": 8, "seed": \#(seed), "validation": {"fraction": 0.2}},
             "data": \#(data)\#(extra)}
            """#
    }

    static func classify(model: String = "c", pool: String = "last") -> String {
        let records = (0..<12).map { index in
            let sign = index % 2 == 0 ? 1 : -1
            let rows = (0..<(3 + index % 3)).map { "[\(sign * ($0 + 1)), \(index)]" }.joined(separator: ", ")
            return #"{"x": [\#(rows)], "label": "\#(sign > 0 ? "up" : "down")"}"#
        }
        return #"""
            {"model": "\#(model)", "task": {"kind": "classify", "pool": "\#(pool)"},
             "network": {"cell": "gru", "hidden": [4, 3]}, "training": {"epochs": 2, "batch_size": 4, "validation": {"fraction": 0.3}},
             "data": {"records": [\#(records.joined(separator: ", "))]}}
            """#
    }
}
