import Formats
import Foundation
import Kernels
import Models
import NamedFields
import Networks
import Resources
import Store

/// What a version's row says of it, so that lists need not open model files.
public struct VersionSummary: Sendable, Equatable {
    public var kind: TaskKind
    public var network: NetworkDescription
    public var parameterCount: Int
    public var inputNames: [String]
    public var outputNames: [String]
    public var transform: [TransformSpec]
    public var answers: AnswerKind
    /// How it cuts a text, where it reads tokens, and how many symbols it knows.
    public var split: Alphabet.Split?
    public var symbolCount: Int?
    /// Forecasts only.
    public var lookback: Int?
    public var horizon: Int?
    public var season: Int?

    public init(_ model: Model) {
        network = model.network
        parameterCount = model.parameters.values.count
        inputNames = model.inputNames
        outputNames = model.outputNames
        transform = model.transform
        kind = TaskKind(model.task)
        answers = model.answerKind
        split = model.alphabet?.split
        symbolCount = model.alphabet?.symbols.count
        if case .forecast(let forecast) = model.task {
            lookback = forecast.lookback
            horizon = forecast.horizon
            season = forecast.season
        }
    }
}

extension VersionSummary: HasFields {
    public init() {
        kind = .forecast
        answers = .numbers
        network = NetworkDescription()
        parameterCount = 0
        inputNames = []
        outputNames = []
        transform = []
    }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("kind", &kind, .choice(), isRequired: true, "What it learnt.")
        visitor.field("network", &network, .object(), isRequired: true, "Its shape.")
        visitor.field("parameter_count", &parameterCount, .whole(0...Int.max), "Numbers that were fitted.")
        visitor.field("input_names", &inputNames, .names, isRequired: true, "What the numbers of an input row are.")
        visitor.field("output_names", &outputNames, .names, isRequired: true, "What those of an output row are.")
        visitor.field(
            "transform", &transform, .list(of: .word(), "transforms", 0...ModelLimit.transforms),
            "What inputs go through.")
        visitor.field("answers", &answers, .choice(), "What kind of things it says.")
        visitor.field("split", &split, .optional(.choice()), "How it cuts a text into tokens, where it reads them.")
        visitor.field(
            "symbol_count", &symbolCount, .optional(.whole(0...ModelLimit.alphabet)), "Tokens that it tells apart.")
        visitor.field("lookback", &lookback, .optional(.whole(1...ModelLimit.lookback)), "Rows that a forecast reads.")
        visitor.field(
            "horizon", &horizon, .optional(.whole(1...ModelLimit.horizon)), "Rows ahead unless asked for others.")
        visitor.field("season", &season, .optional(.whole(1...ModelLimit.period)), "Rows of one season.")
    }
}

extension FieldForm where Self == ListForm<TextForm> {
    /// Of columns or labels.
    fileprivate static var names: ListForm<TextForm> {
        .list(of: .text("a name", 0...ModelLimit.nameBytes), "names", 0...max(ModelLimit.columns, ModelLimit.labels))
    }
}

/// Models, versions, aliases and their history.
extension Service {
    public func models(after: String?, limit: Int) throws -> Page<ModelInfo> {
        try store.models(after: after, limit: limit)
    }

    public func model(_ name: String) throws -> ModelInfo { try store.model(name) }

    public func versions(of name: String, after: Int?, limit: Int) throws -> Page<ModelVersion> {
        try store.versions(of: name, after: after, limit: limit)
    }

    public func version(_ reference: ModelReference) throws -> ModelVersion { try store.version(reference) }

    /// What its row says of it; nil where the stored text is none that this program can read.
    public func summary(of version: ModelVersion) -> VersionSummary? {
        readable("description", of: "\(version.model):\(version.version)") { try Formats.decode(version.description) }
    }

    /// The bytes of a version's file, verified against its digest.
    public func modelFile(of version: ModelVersion) throws -> [UInt8] { try store.modelFile(of: version) }

    /// Where the version's file lies, for sending it in pieces; its digest was checked.
    public func modelPath(of version: ModelVersion) throws -> String { try store.modelPath(of: version) }

    /// Takes a model file in as the next version of `name`, after reading it whole.
    public func importModel(
        name: String, bytes: [UInt8], tags: [String: String]? = nil, summary: String? = nil,
        memory: MemoryShare = .unlimited
    ) throws -> ModelVersion {
        try requireRunning()
        // What its envelope holds, and the model made of it.
        try memory.take(bytes.count, each: 2, for: "the model while it is checked")
        let model: Model
        do {
            model = try ModelFile.decode(bytes)
        } catch {
            throw ServiceError(.invalid, "the body is not a model file of this program: \(error)")
        }
        return try store.importVersion(
            bytes,
            NewVersion(
                description: Formats.encode(VersionSummary(model)), codeVersion: configuration.codeVersion, tags: tags,
                summary: summary),
            datasetDigest: model.datasetDigest, seed: model.seed, model: name, at: now())
    }

    /// Refused while a session uses it unless forced: then the sessions end, and their clients are told why.
    public func deleteVersion(_ number: Int, of name: String, force: Bool = false) throws {
        try endSessions(using: name, version: number, force: force)
        try store.deleteVersion(number, of: name, at: now())
        models.forget(name, version: number)
    }

    /// All versions at once, with the same rule.
    public func deleteModel(_ name: String, force: Bool = false) throws {
        _ = try store.model(name)
        try endSessions(using: name, version: nil, force: force)
        try store.deleteModel(name, at: now())
        models.forget(name, version: nil)
    }

    /// A changed precision is that of the next prediction and the next session; open sessions keep theirs.
    public func update(
        _ name: String, description: String? = nil, tags: [String: String]? = nil, precision: Precision? = nil
    ) throws -> ModelInfo {
        try store.updateModel(name, description: description, tags: tags, precision: precision?.rawValue, at: now())
    }

    public func setAlias(_ alias: String, of name: String, to version: Int) throws -> ModelVersion {
        try store.setAlias(alias, of: name, to: version, at: now())
    }

    public func removeAlias(_ alias: String, of name: String) throws {
        try store.removeAlias(alias, of: name, at: now())
    }

    /// What the alias named at `time`; nil means now.
    public func alias(_ alias: String, of name: String, at time: Date? = nil) throws -> AliasState {
        try store.alias(alias, of: name, at: time ?? now())
    }

    public func log(of name: String, after: Int64, limit: Int) throws -> Page<RegistryEntry> {
        try store.log(of: name, after: after, limit: limit)
    }
}
