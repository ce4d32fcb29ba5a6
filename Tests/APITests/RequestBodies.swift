import Formats
import Service
import Training

@testable import API

/// Every body that a client may send, by the name of its schema, with the decoder that reads it and valid examples that
/// between them show every variant.
struct RequestBody: Sendable, CustomStringConvertible {
    var schema: String
    var decode: @Sendable ([UInt8]) throws -> Void
    var examples: [String]

    var description: String { schema }

    static let all: [RequestBody] = [
        RequestBody(
            schema: "TrainRequest", decode: { _ = try Call.decode($0, TrainRequest.init(reading:)) },
            examples: trainings),
        RequestBody(
            schema: "PredictRequest", decode: { _ = try Call.decode($0, PredictRequest.init(reading:)) },
            examples: [
                #"{"model": "m"}"#,
                #"{"model": "m:2", "inputs": [[[1, 2], [3, 4]], [[5, 6]]], "horizon": 3, "future": [[[1]], [[2]]],"#
                    + #""return": "sequence", "top_k": 2, "precision": "int8"}"#,
                #"{"model": "m@best", "inputs": [[[1]], [[2], [3]]], "return": "last"}"#,
                #"{"model": "m", "inputs": [["The", "dog"], "a text"], "threshold": 0.25}"#,
            ]),
        RequestBody(
            schema: "OpenSessionRequest", decode: { _ = try Call.decode($0, OpenSessionPayload.init(reading:)) },
            examples: [
                #"{"model": "m"}"#,
                #"{"model": "m", "id": "s", "ttl_seconds": 2.5, "precision": "bfloat16", "state": "# + state + "}",
            ]),
        RequestBody(
            schema: "SessionState", decode: { _ = try Call.decode($0, StatePayload.init(reading:)) },
            examples: [state, #"{"step": 0, "layers": [{"h": [0]}]}"#]),
        RequestBody(
            schema: "StepRequest", decode: { _ = try Call.decode($0, StepPayload.init(reading:)) },
            examples: [
                #"{"inputs": [[1]]}"#, #"{"inputs": [[1, 2], [3, 4]], "return": ["y", "h", "c"], "top_k": 1}"#,
                #"{"inputs": ["The", "dog"], "threshold": 0.25}"#,
            ]),
        RequestBody(
            schema: "SessionForecastRequest",
            decode: { _ = try Call.decode($0, SessionForecastPayload.init(reading:)) },
            examples: ["{}", #"{"horizon": 3, "future": [[1], [2]]}"#]),
        RequestBody(
            schema: "ForkRequest", decode: { _ = try Call.decode($0, ForkPayload.init(reading:)) },
            examples: ["{}", #"{"id": "s"}"#]),
        RequestBody(
            schema: "ModelUpdate", decode: { _ = try Call.decode($0, ModelUpdate.init(reading:)) },
            examples: ["{}", #"{"description": "d", "tags": {"a": "b"}, "precision": "int8"}"#]),
        RequestBody(
            schema: "AliasUpdate", decode: { _ = try Call.decode($0, AliasUpdate.init(reading:)) },
            examples: [#"{"version": 1}"#]),
    ]

    private static let state = #"""
        {"object": "session_state",
         "model": {"name": "m", "version": 1, "digest": "\#(String(repeating: "a", count: 64))", "precision": "float32"},
         "step": 3, "network_step": 2, "layers": [{"h": [0.5, 1], "c": [2, 3]}, {"delay": [1, 2]}],
         "sum": [1, 2], "last": [3, 4], "lags": [[1], [2]]}
        """#

    private static let trainings: [String] = {
        let start = #"{"model": "m", "data": {"csv": "a,b\n1,2\n"}, "task": {"kind": "forecast", "target": "a"}, "#
        let optimizers = [
            #"{"learning_rate": 0.1, "beta1": 0.5, "beta2": 0.6, "epsilon": 1e-6}"#,
            #"{"kind": "adam", "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.6, "epsilon": 1e-6}"#,
            #"{"kind": "adamw", "learning_rate": 0.1, "beta1": 0.5, "beta2": 0.6, "epsilon": 1e-6}"#,
            #"{"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "nesterov": false}"#,
            #"{"kind": "rmsprop", "learning_rate": 0.1, "alpha": 0.9, "epsilon": 1e-6, "momentum": 0.1, "centered": true}"#,
        ].map { start + #""training": {"optimizer": \#($0)}}"# }
        let schedules = [
            #"{"kind": "constant", "warmup_steps": 3}"#,
            #"{"kind": "step", "warmup_steps": 3, "period": 4, "factor": 0.5}"#,
            #"{"kind": "exponential", "warmup_steps": 3, "factor": 0.5}"#,
            #"{"kind": "linear", "warmup_steps": 3, "minimum": 0.01}"#,
            #"{"kind": "cosine", "warmup_steps": 3, "minimum": 0.01}"#,
            #"{"kind": "reduce_on_plateau", "warmup_steps": 3, "factor": 0.5, "patience": 4, "minimum": 0.01}"#,
        ].map { start + #""training": {"schedule": \#($0)}}"# }
        let networks = [
            #"{"cell": "gru", "hidden": 8, "reset": "before"}"#,
            #"{"cell": "lstm", "hidden": [8, 4], "dropout": 0.2}"#,
            #"{"cell": "elman", "activation": "relu", "residual_state": true}"#,
            #"{"layers": [{"kind": "time_delay", "width": 4, "taps": 2, "dilation": 3, "residual": true}, {"kind": "dense"},"#
                + #"{"projection": {"width": 3, "activation": "tanh", "bias": true, "decay": 0.5}}], "output_dropout": 0.1}"#,
            #"{"cell": "elman", "projection": {"width": 1, "bias": true}, "head": "none"}"#,
            #"{"forget": "coupled", "peepholes": ["output"], "output_sees_previous": true, "state_activation": "relu"}"#,
            #"{"layers": [{"cell": "lstm", "peepholes": ["input", "forget"], "candidate_activation": "sigmoid"}]}"#,
            #"{"layers": [{"residual_state": false, "cell": "elman"}, {"forget": "none", "state_activation": "tanh"},"#
                + #"{"peepholes": ["output"], "output_sees_previous": true}, {"cell": "mgu", "hidden": 2}]}"#,
            #"{"layers": [{"cell": "gru", "hidden": 8, "reset": "after"}, {"cell": "elman", "activation": "tanh"}, {"cell": "lstm"}],"#
                + #""dropout": 0.5, "initialization": {"input": "uniform", "recurrent": "identity", "forget_bias": 2}}"#,
        ].map { start + #""network": \#($0)}"# }
        let others = [
            start + #""tags": {"a": "b"}, "description": "d"}"#,
            #"""
            {"model": "m", "data": {"dataset": "ds_1", "missing": "linear"},
             "task": {"kind": "forecast", "target": ["a", "b"], "features": ["c"], "time": "t", "lookback": 3, "horizon": 2,
                      "transform": ["log", "difference", {"seasonal_difference": 4}, "min_max"], "holdout": 5, "season": 4},
             "training": {"epochs": 3, "batch_size": 4, "weight_decay": 0.1, "clip": {"norm": 1, "value": 2},
                          "validation": {"fraction": 0.2}, "early_stopping": {"patience": 3}, "shuffle": false, "seed": 5,
                          "threads": 2, "precision": "bfloat16"}}
            """#,
            #"""
            {"model": "m", "data": {"records": [{"x": [[1]], "label": "a"}]},
             "task": {"kind": "classify", "pool": "mean", "sequence": "s", "label": "l", "features": ["c"],
                      "transform": ["standardize"]},
             "network": {"cell": "gru", "bidirectional": true}}
            """#,
            #"""
            {"model": "m", "data": {"records": [{"x": [[1]], "labels": ["a"]}]},
             "task": {"kind": "label", "inputs": "numbers", "answers": "flags", "sequence": "s", "label": "l",
                      "features": ["c"], "transform": ["difference"]}}
            """#,
            #"""
            {"model": "m", "data": {"records": [{"x": ["The"], "labels": ["a"]}]},
             "task": {"kind": "label", "inputs": "tokens", "split": "characters", "symbols": ["The", "dog"],
                      "answers": "labels"}}
            """#,
            #"""
            {"model": "m", "data": {"dataset": "d"}, "task": {"kind": "label", "inputs": "tokens", "min_count": 2},
             "training": {"bptt": {"steps": 1, "back": 100000, "streams": 4}}}
            """#,
            start + #""training": {"rtrl": {"steps": 2, "streams": 3}}}"#,
        ]
        return optimizers + schedules + networks + others
    }()
}
