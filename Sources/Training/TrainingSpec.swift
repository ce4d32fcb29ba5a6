import Models
import NamedFields
import Networks

/// What to train, on what, and how: the request with every default filled in.
public struct TrainingSpec: Hashable, Sendable {
    public var task: TaskSpec
    public var network: NetworkSpec
    public var training: OptimizationSpec

    public init(
        task: TaskSpec, network: NetworkSpec = NetworkSpec(), training: OptimizationSpec = OptimizationSpec()
    ) {
        self.task = task
        self.network = network
        self.training = training
    }
}

extension TrainingSpec: HasFields {
    public init() { self.init(task: TaskSpec()) }

    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field("task", &task, .object(), isRequired: true, "What to learn.")
        visitor.field("network", &network, .object(), "The layers and how they start.")
        visitor.field("training", &training, .object(), "How the parameters are fitted.")
    }
}

/// The layers, the head, and how they start.
public struct NetworkSpec: Hashable, Sendable {
    public var layers = [LayerSpec()]
    /// The fraction of numbers between layers that a training step drops.
    public var dropout: Float = 0
    /// The fraction of the numbers that the head reads.
    public var outputDropout: Float = 0
    public var head = Head.linear
    public var initialization = Initialization()

    public init() {}
}

/// A layer is asked for as it is described.
public typealias LayerSpec = LayerDescription

extension NetworkSpec: HasFields {
    public mutating func visit(_ visitor: inout some FieldVisitor) {
        visitor.field(
            "layers", &layers, .list(of: .object(), "layers", 1...TrainingSpec.Limit.layers), "From the input upwards.")
        visitor.field(
            "dropout", &dropout, .number(.dropped), "The fraction of numbers between layers that a training step drops."
        )
        visitor.field(
            "output_dropout", &outputDropout, .number(.dropped),
            "The fraction of the numbers that the head reads that a training step drops.")
        visitor.field("head", &head, .choice(), "What stands between the top layer and the outputs.")
        visitor.field("initialization", &initialization, .object(), "How the parameters start.")
    }

    /// The short form `{"cell": "lstm", "hidden": 32}` for one layer, and `"hidden": [64, 32]` for several of one cell: the
    /// fields of a layer stand beside those of the network.
    public static func spelledOut(_ members: [FieldMember]) -> SpelledOut? {
        guard members["layers"] == nil else { return nil }
        let names = FieldOutline(LayerSpec.self).names
        let layer = members.filter { names.contains($0.name) }
        let network = members.filter { !names.contains($0.name) }
        guard !layer.isEmpty else { return SpelledOut(members: network, names: names) { $0 } }
        guard case .list(let widths)? = layer["hidden"], !widths.isEmpty else {
            let layers = FieldMember("layers", .list([.members(layer)]))
            return SpelledOut(members: network + [layers], names: names) { place in
                place.starts(with: ["layers", 0]) ? Array(place.dropFirst(2)) : place
            }
        }
        // A member that is no field of a layer is told once, and more layers than there may be are only counted: what is
        // made of a request stays as small as the request.
        let rest = layer.filter { $0.name != "hidden" }
        let common = rest.filter { names.contains($0.name) }
        let layers = widths.enumerated().map { index, width -> FieldValue in
            if index >= TrainingSpec.Limit.layers { return .members([]) }
            return .members((index == 0 ? rest : common) + [FieldMember("hidden", width)])
        }
        return SpelledOut(members: network + [FieldMember("layers", .list(layers))], names: names) { place in
            guard place.count > 2, place[0] == "layers" else { return place }
            return place[2] == "hidden" ? ["hidden", place[1]] + place[3...] : Array(place.dropFirst(2))
        }
    }
}
