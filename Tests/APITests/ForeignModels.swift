import Kernels
import Models
import Networks
import TestSupport

/// Small models of every form, made without training.
enum ForeignModels {
    static let all = [forecaster, differenced, classifier, delays, reader]

    /// Two targets, a feature, a time column.
    static let forecaster = model(
        .forecast(
            ForecastModel(
                targets: ["a", "b"], features: ["f"], time: "t", lookback: 3, horizon: 2, season: 12,
                tail: SeriesTail(rows: rows(3, 3), time: TimeIndex(labels: ["2000-01-31", "2000-02-29"])))),
        transform: [.standardize],
        columns: Array(repeating: ColumnTransform(steps: [.scale(offset: 1, divisor: 2)]), count: 3), lagged: 2,
        NetworkDescription(
            inputs: 3,
            layers: [
                LayerDescription(cell: .gru(.before), hidden: 4),
                LayerDescription(cell: .lstm(LSTMOptions(forget: .coupled, peepholes: [.output])), hidden: 3),
            ],
            dropout: 0.25, outputs: 2))

    static let differenced = model(
        .forecast(
            ForecastModel(
                targets: ["y"], features: [], time: nil, lookback: 2, horizon: 3, season: nil,
                tail: SeriesTail(rows: rows(5, 1), time: TimeIndex(labels: ["2020-01-01T00:00Z", "2020-01-01T01:00Z"])))
        ),
        transform: [.log, .seasonalDifference(2), .difference],
        columns: [
            ColumnTransform(steps: [.log, .difference(lag: 2), .difference(lag: 1), .scale(offset: 0, divisor: 1)])
        ], lagged: 1,
        NetworkDescription(inputs: 1, layers: [LayerDescription(cell: .elman(.tanh), hidden: 3)], outputs: 1))

    static let classifier = model(
        .classify(ClassifyModel(features: ["x", "z"], labels: ["", "ä", "no"])), transform: [.difference],
        columns: Array(
            repeating: ColumnTransform(steps: [.difference(lag: 1), .scale(offset: 0, divisor: 1)]), count: 2),
        lagged: 2,
        NetworkDescription(
            inputs: 2, layers: [LayerDescription(cell: .gru(.after), hidden: 2)], outputs: 3, readout: .mean))

    /// Time delays, a dense layer and a projected cell.
    static let delays = model(
        .forecast(
            ForecastModel(
                targets: ["y"], features: [], time: nil, lookback: 4, horizon: 2, season: nil,
                tail: SeriesTail(rows: rows(4, 1), time: nil))),
        transform: [.standardize], columns: [ColumnTransform(steps: [.scale(offset: 1, divisor: 2)])], lagged: 1,
        NetworkDescription(
            inputs: 1,
            layers: [
                .timeDelay(3, taps: 2, dilation: 2), .dense(3),
                LayerDescription(
                    cell: .elman(.tanh), hidden: 4, projection: Projection(width: 2, bias: true, decay: 0.5)),
            ], outputs: 1))

    /// Read from both ends.
    static let reader = model(
        .classify(ClassifyModel(features: ["x", "z"], labels: ["a", "b"])), transform: [.standardize],
        columns: Array(repeating: ColumnTransform(steps: [.scale(offset: 0, divisor: 1)]), count: 2), lagged: 2,
        NetworkDescription(
            inputs: 2,
            layers: [
                LayerDescription(cell: .gru(.after), hidden: 2, bidirectional: true),
                LayerDescription(cell: .lstm(), hidden: 2, bidirectional: true, residual: true),
            ], outputs: 2))

    private static func rows(_ count: Int, _ width: Int) -> [[Double]] {
        (0..<count).map { row in (0..<width).map { Double(row + $0) + 1.5 } }
    }

    private static func model(
        _ task: ModelTask, transform: [TransformSpec], columns: [ColumnTransform], lagged: Int,
        _ network: NetworkDescription
    ) -> Model {
        var random = SeededGenerator(7)
        let layout = ParameterLayout(network)
        let values = (0..<layout.count).map { _ in Float.random(in: -0.5...0.5, using: &random) }
        return Model(
            task: task, transform: transform, inputs: InputTransforms(columns: columns, laggedColumns: lagged),
            network: network, parameters: Parameters(layout: layout, values: values), seed: 7,
            datasetDigest: String(repeating: "ab", count: 32))
    }
}
