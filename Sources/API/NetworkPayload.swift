import Formats
import Kernels
import Networks
import Training

/// The object `network` of a request to train: a list of layers, or the short form
/// `{"cell": "lstm", "hidden": 32}` for one layer and `"hidden": [64, 32]` for several of one cell.
struct NetworkPayload {
    static let fields = ["layers"] + commonFields
    static let shortFields = ["cell", "hidden", "reset", "activation"] + commonFields
    static let commonFields = ["dropout", "initialization"]
    static let layerFields = ["cell", "hidden", "reset", "activation"]
    static let initializationFields = ["input", "recurrent", "forget_bias"]

    /// How the layers were written, so that what is wrong with one points to where its author finds it.
    private enum Form {
        case layers
        case one
        case several
    }

    var spec = NetworkSpec()
    private var form = Form.layers

    /// What is meant where nothing is said.
    init() {}

    init(reading network: JSONReader) {
        guard network.value.object != nil else {
            network.fail("expected an object, found \(network.value.kindName)")
            return
        }
        if network.has("layers") {
            network.fields(Self.fields)
            if let layers = network.required("layers")?.elements() {
                if layers.isEmpty { network.fail("layers", "expected at least one layer") }
                let read = layers.map(LayerSpec.init(reading:))
                if !read.isEmpty { spec.layers = read }
            }
        } else {
            network.fields(Self.shortFields)
            readShort(network)
        }
        if let dropout = network.optional("dropout")?.double() { spec.dropout = Float(dropout) }
        if let start = network.optional("initialization") { spec.initialization = Initialization(reading: start) }
    }

    /// Where the author wrote what the specification calls `layers/i/hidden`.
    func place(of path: [Violation.PathComponent]) -> [Violation.PathComponent] {
        guard path.count >= 4, path[0] == .key("network"), path[1] == .key("layers") else { return path }
        switch form {
        case .layers: return path
        case .one: return [.key("network")] + path[3...]
        case .several: return [.key("network")] + path[3...] + [path[2]]
        }
    }

    private mutating func readShort(_ network: JSONReader) {
        form = .one
        let cell = Cell(reading: network)
        var widths = [LayerSpec().hidden]
        if let hidden = network.optional("hidden") {
            if let list = hidden.value.array {
                form = .several
                if list.isEmpty { hidden.fail("expected a width, or a list of at least one") }
                let read = hidden.elements()?.compactMap { $0.int(in: Self.widths) } ?? []
                if !read.isEmpty { widths = read }
            } else if let width = hidden.int(in: Self.widths) {
                widths = [width]
            }
        }
        spec.layers = widths.map { LayerSpec(cell: cell, hidden: $0) }
    }

    static let widths = 1...TrainingSpec.Limit.hidden
}

extension LayerDescription {
    init(reading layer: JSONReader) {
        self.init()
        guard layer.fields(NetworkPayload.layerFields) else { return }
        cell = Cell(reading: layer)
        hidden = layer.int("hidden", in: NetworkPayload.widths, default: hidden)
    }
}

extension Cell {
    /// Reads `cell`, and `reset` or `activation` where the cell has one.
    init(reading layer: JSONReader) {
        let name = layer.choice("cell", default: Name.lstm)
        if name != .gru, layer.optional("reset") != nil {
            layer.fail("reset", "only a GRU has a reset gate, and the cell is \"\(name.rawValue)\"")
        }
        if name != .elman, layer.optional("activation") != nil {
            layer.fail("activation", "only Elman's network has a choice here, and the cell is \"\(name.rawValue)\"")
        }
        self.init(
            name, reset: layer.choice("reset", default: .after), activation: layer.choice("activation", default: .tanh))
    }
}

extension Initialization {
    init(reading start: JSONReader) {
        self.init()
        guard start.fields(NetworkPayload.initializationFields) else { return }
        input = start.choice("input", default: input)
        recurrent = start.choice("recurrent", default: recurrent)
        forgetBias = start.double("forget_bias", default: forgetBias)
    }
}
