import ArgumentParser

/// The flags of `serve` and `worker`: one property for each row of `ServerOption.all`, all of them text at this point.
struct ServerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Configuration file (YAML): the options below by their key, like `port: 8080`. (\(ServerOption.configurationVariable))",
            valueName: "file"))
    var config: String?

    @Option(.host) var host: String?
    @Option(.port) var port: String?
    @Option(.allowedHosts) var allowedHosts: String?
    @Option(.data) var data: String?
    @Option(.apiKey) var apiKey: String?
    @Option(.workers) var workers: String?
    @Option(.inferenceThreads) var inferenceThreads: String?
    @Option(.requestThreads) var requestThreads: String?
    @Option(.transferThreads) var transferThreads: String?
    @Option(.eventLoops) var eventLoops: String?
    @Option(.instructionSet) var instructionSet: String?
    @Option(.modelMemory) var modelMemory: String?
    @Option(.jobMemory) var jobMemory: String?
    @Option(.maximumPredictionSteps) var maximumPredictionSteps: String?
    @Option(.maximumPredictionOperations) var maximumPredictionOperations: String?
    @Option(.maximumSessions) var maximumSessions: String?
    @Option(.sessionMemory) var sessionMemory: String?
    @Option(.sessionTimeToLive) var sessionTimeToLive: String?
    @Option(.maximumTimeToLive) var maximumTimeToLive: String?
    @Option(.sessionsWhenFull) var sessionsWhenFull: String?
    @Option(.lease) var lease: String?
    @Option(.checkpointInterval) var checkpointInterval: String?
    @Option(.checkpointsKept) var checkpointsKept: String?
    @Option(.eventRetention) var eventRetention: String?
    @Option(.datasetRetention) var datasetRetention: String?
    @Option(.inlineRetention) var inlineRetention: String?
    @Option(.retryRetention) var retryRetention: String?
    @Option(.idempotencyRetention) var idempotencyRetention: String?
    @Option(.trashRetention) var trashRetention: String?
    @Option(.requestMemory) var requestMemory: String?
    @Option(.requestBody) var requestBody: String?
    @Option(.datasetBody) var datasetBody: String?
    @Option(.modelBody) var modelBody: String?
    @Option(.maximumConnections) var maximumConnections: String?
    @Option(.idleTimeout) var idleTimeout: String?
    @Option(.stopWithin) var stopWithin: String?
    @Option(.afterCrash) var afterCrash: String?
    @Option(.logLevel) var logLevel: String?
    @Option(.logFormat) var logFormat: String?

    /// What was given, by key.
    var given: [String: String] {
        let flags: [(ServerOption, String?)] = [
            (.host, host), (.port, port), (.allowedHosts, allowedHosts), (.data, data), (.apiKey, apiKey),
            (.workers, workers),
            (.inferenceThreads, inferenceThreads), (.requestThreads, requestThreads),
            (.transferThreads, transferThreads), (.eventLoops, eventLoops), (.instructionSet, instructionSet),
            (.modelMemory, modelMemory),
            (.jobMemory, jobMemory), (.maximumPredictionSteps, maximumPredictionSteps),
            (.maximumPredictionOperations, maximumPredictionOperations),
            (.maximumSessions, maximumSessions), (.sessionMemory, sessionMemory),
            (.sessionTimeToLive, sessionTimeToLive),
            (.maximumTimeToLive, maximumTimeToLive), (.sessionsWhenFull, sessionsWhenFull), (.lease, lease),
            (.checkpointInterval, checkpointInterval), (.checkpointsKept, checkpointsKept),
            (.eventRetention, eventRetention), (.datasetRetention, datasetRetention),
            (.inlineRetention, inlineRetention),
            (.retryRetention, retryRetention),
            (.idempotencyRetention, idempotencyRetention), (.trashRetention, trashRetention),
            (.requestMemory, requestMemory), (.requestBody, requestBody), (.datasetBody, datasetBody),
            (.modelBody, modelBody),
            (.maximumConnections, maximumConnections), (.idleTimeout, idleTimeout), (.stopWithin, stopWithin),
            (.afterCrash, afterCrash), (.logLevel, logLevel), (.logFormat, logFormat),
        ]
        var given: [String: String] = [:]
        for (option, value) in flags { given[option.key] = value }
        return given
    }
}
