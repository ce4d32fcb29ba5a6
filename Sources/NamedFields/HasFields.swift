/// Something asked for by name: a task, a network, a layer, an optimizer.
///
/// It tells its fields once, one line each, and whoever needs them walks that one list: reading a request, writing the
/// echo and the stored text, checking bounds, the fingerprint of a checkpoint, `--set` of the command line, and the test
/// that holds `openapi.yaml` to the code. A new field is its stored property and its line:
///
///     struct EarlyStopping: HasFields {
///         var patience = 20
///
///         init() {}
///
///         mutating func visit(_ visitor: inout some FieldVisitor) {
///             visitor.field("patience", &patience, .whole(1...1_000_000), "Epochs without a better loss.")
///         }
///     }
public protocol HasFields {
    /// Every field at its default. Of what has kinds, the kind that is meant where none is named.
    init()

    /// Tells every field to the visitor, in the order in which people read them.
    mutating func visit(_ visitor: inout some FieldVisitor)

    /// The members with short forms spelled out, and where the author of the short form finds a place in them; nil where
    /// nothing was short.
    static func spelledOut(_ members: [FieldMember]) -> SpelledOut?
}

extension HasFields {
    public static func spelledOut(_ members: [FieldMember]) -> SpelledOut? { nil }

    /// The defaults with some changes.
    public init(_ change: (inout Self) -> Void) {
        self.init()
        change(&self)
    }
}

/// Members that were written in a shorter form than the fields have.
public struct SpelledOut {
    public var members: [FieldMember]
    /// Names that the short form takes beside those of the fields.
    public var names: [String]
    /// From a place among `members` to the place in what was written, both from the object on.
    public var place: ([Violation.PathComponent]) -> [Violation.PathComponent]

    public init(
        members: [FieldMember], names: [String],
        place: @escaping ([Violation.PathComponent]) -> [Violation.PathComponent]
    ) {
        self.members = members
        self.names = names
        self.place = place
    }
}

/// Whoever walks the fields of something. What kinds of values there are is the business of the forms: a visitor asks the
/// form to read, write, check or describe.
public protocol FieldVisitor {
    /// One field.
    ///
    /// - Parameters:
    ///   - isRequired: nothing is meant where it is absent.
    ///   - says: one line of description.
    mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, isRequired: Bool, _ says: String)

    /// A field that decides which other fields there are.
    ///
    /// True where the visitor has put another kind in the place of the one that was there: the owner then takes the
    /// defaults of that kind before it goes on telling.
    mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, isRequired: Bool, _ says: String
    ) -> Bool
}

extension FieldVisitor {
    /// One field that may be left out.
    public mutating func field<Form: FieldForm>(
        _ name: String, _ value: inout Form.Value, _ form: Form, _ says: String
    ) {
        field(name, &value, form, isRequired: false, says)
    }

    /// A kind that may be left out.
    public mutating func kind<Kind: RawRepresentable<String> & CaseIterable & Equatable>(
        _ name: String, _ value: inout Kind, _ says: String
    ) -> Bool {
        kind(name, &value, isRequired: false, says)
    }
}

/// What values a field takes: how they are read, written, checked and described.
public protocol FieldForm<Value> {
    associatedtype Value

    var shape: FieldShape { get }

    /// The value, or nil where it is of another type, which is noted. Bounds are not looked at: `check` does, so that all
    /// of them are told at once, and so that a stored value stays readable when a bound moves.
    ///
    /// - Parameter current: what stands there already, for what is written in parts.
    func read(_ source: FieldValue, over current: Value?, _ findings: inout FieldFindings) -> Value?

    func write(_ value: Value) -> FieldValue

    /// Notes what is out of bounds.
    func check(_ value: Value, _ findings: inout FieldFindings)
}

/// A form as a description: for the command line, and for the test against the contract.
public indirect enum FieldShape {
    case flag
    case whole(ClosedRange<Int>)
    case number(NumberBound)
    /// With its least and greatest number of bytes.
    case text(ClosedRange<Int>)
    case choice([String])
    /// Null too, which means none.
    case optional(FieldShape)
    case list(FieldShape, count: ClosedRange<Int>)
    /// A list, of which one element may stand for itself.
    case oneOrMore(FieldShape, count: ClosedRange<Int>)
    /// A name, or an object of one member: the name with its number.
    case word([WordDescription])
    case object(any HasFields.Type)
    /// Names chosen by whoever asks, each with a text.
    case texts
}
