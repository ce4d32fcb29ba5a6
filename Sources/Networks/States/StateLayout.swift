/// Where the numbers lie that a network carries from one step to the next: named slots, one after the other in a flat
/// array. What is done with states (zero, load, save, text, bytes) is a loop over them.
public struct StateLayout: Hashable, Sendable {
    public enum Name: String, Sendable, CaseIterable {
        /// What the recurrent product of a layer takes.
        case h
        /// The cell state of a layer.
        case c
        /// The rows that a time-delay layer looks back on, oldest first.
        case delay
        /// The same of the direction that reads from the end.
        case hReverse = "h_reverse"
        case cReverse = "c_reverse"
        case delayReverse = "delay_reverse"
        /// Sum of the top layer's outputs over all steps so far, in their order, for a readout of their mean.
        case sum
        /// The top layer's output at the last step, where none of its own slots has it.
        case last

        /// Those that the layers of a stream have.
        public static let ofStreams: [Name] = [.h, .c, .delay]
        /// Those that the readout has.
        public static let ofReadout: [Name] = [.sum, .last]

        var isReverse: Bool { self == .hReverse || self == .cReverse || self == .delayReverse }

        fileprivate var reversed: Name {
            switch self {
            case .h: .hReverse
            case .c: .cReverse
            case .delay: .delayReverse
            default: self
            }
        }
    }

    public struct Slot: Hashable, Sendable {
        public let name: Name
        /// Nil for what the readout carries.
        public let layer: Int?
        public let range: Range<Int>
    }

    public let slots: [Slot]
    /// Numbers in all.
    public let count: Int
    /// How many layers there are.
    public let layers: Int

    public init(_ network: NetworkDescription) {
        var slots: [Slot] = []
        for (index, layer) in network.layers.enumerated() {
            for direction in 0..<layer.directions {
                var builder = Builder(inputs: network.rowWidth(ofLayer: index))
                layer.definition.place(&builder)
                for (name, width) in builder.slots {
                    let end = slots.last?.range.upperBound ?? 0
                    slots.append(
                        Slot(name: direction == 0 ? name : name.reversed, layer: index, range: end..<end + width))
                }
            }
        }
        let end = slots.last?.range.upperBound ?? 0
        if network.readout == .mean {
            slots.append(Slot(name: .sum, layer: nil, range: end..<end + network.topWidth))
        } else if network.layers.last?.lastOutput == nil {
            slots.append(Slot(name: .last, layer: nil, range: end..<end + network.topWidth))
        }
        self.slots = slots
        count = slots.last?.range.upperBound ?? 0
        layers = network.layers.count
    }

    /// Takes the slots of one direction of a layer.
    struct Builder {
        private(set) var slots: [(name: Name, width: Int)] = []
        /// Numbers of a row that the layer reads.
        let inputs: Int

        init(inputs: Int) { self.inputs = inputs }

        mutating func place(_ name: Name, _ width: Int) { slots.append((name, width)) }
    }

    /// Numbers of all delay lines.
    public var delays: Int {
        slots.reduce(0) { $0 + ($1.name == .delay || $1.name == .delayReverse ? $1.range.count : 0) }
    }

    /// Nil where there is none.
    public func range(_ name: Name, layer: Int? = nil) -> Range<Int>? {
        slots.first { $0.name == name && $0.layer == layer }?.range
    }
}

/// The numbers of a state slot by slot, as people write and read them.
public struct StateParts: Sendable, Equatable {
    /// Of each layer.
    public var layers: [[StateLayout.Name: [Float]]]
    /// Of the readout.
    public var readout: [StateLayout.Name: [Float]]

    public init(layers: [[StateLayout.Name: [Float]]], readout: [StateLayout.Name: [Float]] = [:]) {
        self.layers = layers
        self.readout = readout
    }
}

extension StateLayout {
    /// The numbers of a state in the places of this layout; nil where they are not those that it has.
    public func values(of parts: StateParts) -> [Float]? {
        guard parts.layers.count == layers else { return nil }
        guard parts.layers.reduce(parts.readout.count, { $0 + $1.count }) == slots.count else { return nil }
        var values: [Float] = []
        for slot in slots {
            let part = slot.layer.map { parts.layers[$0] } ?? parts.readout
            guard let own = part[slot.name], own.count == slot.range.count else { return nil }
            values += own
        }
        return values
    }

    public func parts(of values: [Float]) -> StateParts {
        var parts = StateParts(layers: Array(repeating: [:], count: layers))
        for slot in slots {
            let own = Array(values[slot.range])
            if let layer = slot.layer { parts.layers[layer][slot.name] = own } else { parts.readout[slot.name] = own }
        }
        return parts
    }

    /// What a state is made of, in words: "layer 0: h of 8, c of 8; readout: sum of 8".
    public var summary: String {
        var places: [(place: String, slots: [String])] = []
        for slot in slots {
            let place = slot.layer.map { "layer \($0)" } ?? "readout"
            if places.last?.place != place { places.append((place, [])) }
            places[places.count - 1].slots.append("\(slot.name.rawValue) of \(slot.range.count)")
        }
        return places.map { "\($0.place): \($0.slots.joined(separator: ", "))" }.joined(separator: "; ")
    }
}

/// All that a network carries from one step of a sequence to the next.
public struct NetworkState: Sendable, Equatable {
    /// As `StateLayout` places them.
    public var values: [Float]
    /// Steps so far.
    public var steps: Int

    public init(values: [Float], steps: Int = 0) {
        self.values = values
        self.steps = steps
    }

    /// The state before the first step: all zero.
    public init(zeroFor layout: StateLayout) { self.init(values: [Float](repeating: 0, count: layout.count)) }

    /// Whether this is a state of such a network.
    public func fits(_ layout: StateLayout) -> Bool { values.count == layout.count && steps >= 0 }

    /// Whether every number in it is finite.
    public var isFinite: Bool { values.allSatisfy(\.isFinite) }
}
