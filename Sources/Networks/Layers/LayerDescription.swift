import Kernels
import NamedFields

/// One layer: its kind with the fields of that kind, and how it reads and gives.
public struct LayerDescription: Sendable {
    var definition: any LayerDefinition
    /// Whether a second layer of the same fields reads each sequence from its end, and its rows stand behind those of the
    /// first. Schuster and Paliwal 1997.
    public var bidirectional = false
    /// Whether what the layer reads is added to what it gives; both have the same width then. He et al. 2016.
    public var residual = false

    init(_ definition: any LayerDefinition, bidirectional: Bool = false, residual: Bool = false) {
        self.definition = definition
        self.bidirectional = bidirectional
        self.residual = residual
    }

    public init() { self.init(RecurrentDefinition()) }

    /// A recurrent layer.
    public init(
        cell: Cell, hidden: Int, projection: Projection? = nil, bidirectional: Bool = false, residual: Bool = false
    ) {
        self.init(
            RecurrentDefinition(cell: cell, hidden: hidden, projection: projection), bidirectional: bidirectional,
            residual: residual)
    }

    public static func dense(_ width: Int, _ activation: Activation = .tanh) -> LayerDescription {
        LayerDescription(DenseDefinition(width: width, activation: activation))
    }

    public static func embedding(_ width: Int) -> LayerDescription {
        LayerDescription(EmbeddingDefinition(width: width))
    }

    public static func timeDelay(
        _ width: Int, taps: Int, dilation: Int = 1, _ activation: Activation = .tanh
    ) -> LayerDescription {
        LayerDescription(TimeDelayDefinition(width: width, taps: taps, dilation: dilation, activation: activation))
    }

    public var kind: LayerKind { LayerKind(definition) }
    /// The cell of a recurrent layer.
    public var cell: Cell? { (definition as? RecurrentDefinition)?.cell }
    /// The width of a recurrent layer's cell.
    public var hidden: Int? { (definition as? RecurrentDefinition)?.hidden }

    /// Numbers of a row that it gives.
    public var outputs: Int { directions * definition.outputs }

    /// Whether it reads indices of symbols.
    public var readsIndices: Bool { definition.readsIndices }

    var directions: Int { bidirectional ? 2 : 1 }

    /// The number of its slot that holds the last row it gave, where there is one.
    var lastOutput: Int? { bidirectional || residual ? nil : definition.lastOutput }
}

extension LayerDescription: Hashable {
    public static func == (one: LayerDescription, other: LayerDescription) -> Bool {
        AnyHashable(one.definition) == AnyHashable(other.definition) && one.bidirectional == other.bidirectional
            && one.residual == other.residual
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(AnyHashable(definition))
        hasher.combine(bidirectional)
        hasher.combine(residual)
    }
}

extension LayerDescription: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        var kind = kind
        if visitor.kind("kind", &kind, "What the layer computes.") { definition = kind.definition }
        definition.visit(&visitor)
        visitor.field(
            "bidirectional", &bidirectional, .flag, "Whether a second layer of its kind reads from the other end.")
        visitor.field("residual", &residual, .flag, "Whether what the layer reads is added to what it gives.")
    }
}

extension [LayerDescription] {
    /// What the fields of layers have to do with each other, in a request as in a file.
    ///
    /// - Parameter inputs: numbers of the rows that the first layer reads, where they are known yet.
    public func noteConflicts(inputs: Int? = nil, _ findings: inout FieldFindings) {
        var width = inputs
        for (index, layer) in enumerated() {
            findings.at(.index(index)) { layer.noteConflicts(isFirst: index == 0, reading: width, findings: &$0) }
            width = layer.outputs
        }
    }
}

extension LayerDescription {
    fileprivate func noteConflicts(isFirst: Bool, reading width: Int?, findings: inout FieldFindings) {
        definition.noteConflicts(&findings)
        if definition.readsIndices, !isFirst {
            findings.at("kind") { $0.add("reads symbols, so it can only be the first layer") }
        }
        if residual, definition.readsIndices {
            findings.at("residual") { $0.add("what this layer reads is no number that could be added") }
        } else if residual, let width, width != outputs {
            findings.at("residual") {
                $0.add("the layer reads rows of \(width) numbers and gives rows of \(outputs), which cannot be added")
            }
        }
        let carried = carried(reading: width ?? 1)
        if carried > ModelLimit.carried {
            findings.at("kind") {
                $0.add(
                    "the layer would carry \(carried) numbers from step to step; at most \(ModelLimit.carried) are kept"
                )
            }
        }
        if bidirectional, carried == 0 {
            findings.at("bidirectional") { $0.add("this layer knows no order of rows that could be turned") }
        }
    }

    /// Numbers that one direction carries from step to step; with none it gives the rows of a sequence alike from either end.
    private func carried(reading width: Int) -> Int {
        var states = StateLayout.Builder(inputs: width)
        definition.place(&states)
        return states.slots.reduce(0) { sum, slot in
            let (next, overflows) = sum.addingReportingOverflow(slot.width)
            return overflows ? .max : next
        }
    }
}
