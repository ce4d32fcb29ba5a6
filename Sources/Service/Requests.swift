import Formats
import Kernels
import Models
import NamedFields
import Networks
import Store
import Training

/// A wish to train: what, on which data, and the name the result will have.
public struct TrainRequest: Sendable {
    public enum Source: Sendable {
        /// A dataset uploaded before.
        case dataset(String)
        /// The data itself; it becomes a dataset of its own, so that the job has all it needs on disk.
        case inline(format: DatasetFormat, bytes: [UInt8])
    }

    public var model: String
    public var checked: CheckedSpec
    public var source: Source
    public var missing: MissingPolicy
    public var tags: [String: String]
    public var summary: String?

    public init(
        model: String, spec: CheckedSpec, source: Source, missing: MissingPolicy = .error,
        tags: [String: String] = [:], summary: String? = nil
    ) {
        self.model = model
        checked = spec
        self.source = source
        self.missing = missing
        self.tags = tags
        self.summary = summary
    }

    public var spec: TrainingSpec { checked.spec }
}

/// What a job carries besides its model name: enough to train on any machine that sees the store.
public struct JobSpec: Sendable, Hashable {
    public var training: TrainingSpec
    public var missing: MissingPolicy
    public var tags: [String: String]
    public var summary: String?
}

extension JobSpec: HasFields {
    public init() { self.init(training: TrainingSpec(), missing: .error, tags: [:]) }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("training", &training, .object(), isRequired: true, "What to train, and how.")
        visitor.field("missing", &missing, .choice(), "What to do about gaps in the data.")
        visitor.field("tags", &tags, .texts, "Free labels.")
        visitor.field("summary", &summary, .optional(.text("a description")), "What the version will be for.")
    }
}

/// Sequences of unequal length in raw units, as the networks read them.
public typealias SequenceBatch = RawSequences

extension SequenceBatch {
    public init(values: [Double], lengths: [Int], features: Int) {
        self.init(values: values, lengths: lengths, width: features)
    }
}

/// Sequences as somebody gave them. Which of the two a model reads is the model's to say.
public enum GivenSequences: Sendable, Equatable {
    /// Rows of numbers in raw units.
    case numbers(SequenceBatch)
    case tokens([GivenTokens])

    /// Rows that can be counted: a text that is still to be cut has one.
    public var rowCount: Int {
        switch self {
        case .numbers(let batch): batch.rowCount
        case .tokens(let sequences):
            sequences.reduce(0) { count, sequence in
                if case .symbols(let symbols) = sequence { count + symbols.count } else { count + 1 }
            }
        }
    }
}

public enum GivenTokens: Sendable, Equatable {
    case symbols([String])
    /// To be cut as the model cuts.
    case text(String)
}

public struct PredictRequest: Sendable {
    /// One answer for a sequence, or one for each of its steps.
    public enum Returning: String, Sendable, CaseIterable {
        case last
        case sequence
    }

    public var model: ModelReference
    /// Histories or sequences; nil continues a forecast from the end of the training series.
    public var inputs: GivenSequences?
    public var horizon: Int?
    /// Future rows of the features, one sequence for each input, at least horizon − 1 rows each.
    public var future: SequenceBatch?
    /// nil takes what the model was trained for: one answer for a sequence, or, of a labeller, one for each step.
    public var returning: Returning?
    public var manner: AnswerManner
    /// nil takes the model's.
    public var precision: Precision?

    public init(
        model: ModelReference, inputs: GivenSequences? = nil, horizon: Int? = nil, future: SequenceBatch? = nil,
        returning: Returning? = nil, manner: AnswerManner = AnswerManner(), precision: Precision? = nil
    ) {
        self.model = model
        self.inputs = inputs
        self.horizon = horizon
        self.future = future
        self.returning = returning
        self.manner = manner
        self.precision = precision
    }
}

/// How answers are told, as whoever asks wants them.
public struct AnswerManner: Sendable, Equatable {
    /// Of labels, how many are listed; nil lists the first alone.
    public var topK: Int?
    /// Of flags, the probability above which one is set; nil takes `standardThreshold`.
    public var threshold: Float?

    public static let standardThreshold: Float = 0.5

    public init(topK: Int? = nil, threshold: Float? = nil) {
        self.topK = topK
        self.threshold = threshold
    }
}

/// The answers to a batch, input after input: horizon (forecast), one (last) or one a step (sequence) each.
///
/// Kept as the network gave them, one array for all, since there may be millions; `subscript` makes single ones of them.
public struct Prediction: Sendable {
    public var model: ServedModel
    public var answers: Answers
    public var returning: PredictRequest.Returning
    /// Labels of the steps of the first input, where its time column goes on.
    public var index: [String]?
    public var manner: AnswerManner

    public init(
        model: ServedModel, answers: Answers, returning: PredictRequest.Returning = .last, index: [String]? = nil,
        manner: AnswerManner = AnswerManner()
    ) {
        self.model = model
        self.answers = answers
        self.returning = returning
        self.index = index
        self.manner = manner
    }

    /// Answers of each input.
    public var steps: [Int] { answers.streams.map(\.rows) }

    public subscript(input: Int, step: Int) -> Answer { answers[input, step] }

    /// The label of a step, where the time column goes on.
    public func index(input: Int, step: Int) -> String? { input == 0 ? index?[step] : nil }
}

/// The version that answered, and the names its numbers carry.
public struct ServedModel: Sendable, Equatable {
    public var name: String
    public var version: Int
    /// SHA-256 of the model file.
    public var digest: String
    /// What its products were computed in.
    public var precision: Precision
    /// Names of the targets, the labels or the flags, in the order of the outputs.
    public var outputNames: [String]
    public var inputNames: [String]
    /// Where the numbers of a session's state lie.
    public var stateLayout: StateLayout
    public var kind: TaskKind
    public var answers: AnswerKind
}

public enum TaskKind: String, Sendable, CaseIterable {
    case forecast
    case classify
    case label

    public init(_ task: ModelTask) {
        switch task {
        case .forecast: self = .forecast
        case .classify: self = .classify
        case .label: self = .label
        }
    }
}
