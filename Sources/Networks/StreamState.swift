/// All that a network carries from one step of a sequence to the next.
public struct StreamState: Sendable, Equatable {
    /// h of each layer.
    public var h: [[Float]]
    /// c of each layer whose cell has one.
    public var c: [[Float]?]
    /// Sum of the top layer's h over all steps so far, in their order; only where the readout is their mean.
    public var sum: [Float]?
    /// Steps so far.
    public var steps: Int

    public init(h: [[Float]], c: [[Float]?], sum: [Float]? = nil, steps: Int = 0) {
        self.h = h
        self.c = c
        self.sum = sum
        self.steps = steps
    }

    /// The state before the first step: all zero.
    public init(zeroFor network: NetworkDescription) {
        h = network.layers.map { [Float](repeating: 0, count: $0.hidden) }
        c = network.layers.map { $0.cell.carriesCellState ? [Float](repeating: 0, count: $0.hidden) : nil }
        sum = network.readout == .mean ? [Float](repeating: 0, count: network.layers.last?.hidden ?? 0) : nil
        steps = 0
    }

    /// Whether this is a state of such a network.
    public func fits(_ network: NetworkDescription) -> Bool {
        guard h.count == network.layers.count, c.count == network.layers.count, steps >= 0 else { return false }
        for (index, layer) in network.layers.enumerated() {
            guard h[index].count == layer.hidden,
                c[index]?.count == (layer.cell.carriesCellState ? layer.hidden : nil)
            else { return false }
        }
        return sum?.count == (network.readout == .mean ? network.layers.last?.hidden ?? 0 : nil)
    }

    /// Whether every number in it is finite.
    public var isFinite: Bool {
        h.allSatisfy { $0.allSatisfy(\.isFinite) } && c.allSatisfy { $0?.allSatisfy(\.isFinite) ?? true }
            && (sum?.allSatisfy(\.isFinite) ?? true)
    }
}
