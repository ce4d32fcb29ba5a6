import Networks

/// What to train, on what, and how: the request with every default filled in. Its coding keys are the names of the
/// public interface; what is absent when decoding takes its default.
public struct TrainingSpec: Codable, Hashable, Sendable {
    public var task: TaskSpec
    public var network: NetworkSpec
    public var training: OptimisationSpec

    public init(
        task: TaskSpec, network: NetworkSpec = NetworkSpec(), training: OptimisationSpec = OptimisationSpec()
    ) {
        self.task = task
        self.network = network
        self.training = training
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            task: try container.decode(TaskSpec.self, forKey: .task),
            network: try container.decodeIfPresent(NetworkSpec.self, forKey: .network) ?? NetworkSpec(),
            training: try container.decodeIfPresent(OptimisationSpec.self, forKey: .training) ?? OptimisationSpec())
    }
}

/// The recurrent layers and how they start.
public struct NetworkSpec: Hashable, Sendable {
    public var layers: [LayerSpec]
    /// The fraction of numbers between layers that a training step drops.
    public var dropout: Float
    public var initialization: Initialization

    public init(
        layers: [LayerSpec] = [LayerSpec()], dropout: Float = 0, initialization: Initialization = Initialization()
    ) {
        self.layers = layers
        self.dropout = dropout
        self.initialization = initialization
    }
}

/// A layer is asked for as it is described.
public typealias LayerSpec = LayerDescription

extension NetworkSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case layers, dropout, initialization
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let standard = NetworkSpec()
        self.init(
            layers: try container.decodeIfPresent([LayerSpec].self, forKey: .layers) ?? standard.layers,
            dropout: try container.decodeIfPresent(Float.self, forKey: .dropout) ?? standard.dropout,
            initialization: try container.decodeIfPresent(Initialization.self, forKey: .initialization)
                ?? standard.initialization)
    }
}
