import Kernels
import Resources
import Testing

@testable import Models
@testable import Networks

@Suite("Model file")
struct ModelFileTests {
    static let forecaster: Model = {
        let network = NetworkDescription(
            inputs: 3,
            layers: [
                LayerDescription(cell: .gru(.before), hidden: 4), LayerDescription(cell: .elman(.relu), hidden: 2),
                LayerDescription(cell: .lstm(), hidden: 3),
            ], dropout: 0.25, outputs: 2)
        return Model(
            task: .forecast(
                ForecastModel(
                    targets: ["a", "b"], features: ["temperature °C"], time: "month", lookback: 3, horizon: 2,
                    season: 12,
                    tail: SeriesTail(
                        rows: (0..<6).map { [Double($0) + 0.1, 2, -3] },
                        time: TimeIndex(labels: ["2000-01-31", "2000-02-29"])))),
            transform: [.log, .seasonalDifference(2), .difference, .minMax],
            inputs: InputTransforms(
                columns: [
                    ColumnTransform(steps: [
                        .log, .difference(lag: 2), .difference(lag: 1), .scale(offset: 1, divisor: 2),
                    ]),
                    ColumnTransform(steps: [
                        .log, .difference(lag: 2), .difference(lag: 1), .scale(offset: -0.0, divisor: 1e-300),
                    ]),
                    ColumnTransform(steps: [.scale(offset: 0.1, divisor: 3)]),
                ], laggedColumns: 2),
            network: network, parameters: drawnParameters(network), seed: .max, datasetDigest: "abc")
    }()

    static let classifier: Model = {
        let network = NetworkDescription(
            inputs: 1, layers: [LayerDescription(cell: .gru(.after), hidden: 2)], outputs: 3, readout: .mean)
        return Model(
            task: .classify(ClassifyModel(features: ["x"], labels: ["", "ä", "z"])), transform: [.standardize],
            inputs: InputTransforms(columns: [ColumnTransform(steps: [])], laggedColumns: 1), network: network,
            parameters: drawnParameters(network), seed: 0, datasetDigest: "")
    }()

    @Test("a model comes back as it was", arguments: [forecaster, classifier] + LabelModelTests.models)
    func roundTrip(model: Model) throws {
        let bytes = ModelFile.encode(model)
        let back = try ModelFile.decode(bytes)
        #expect(back == model)
        #expect(ModelFile.encode(back) == bytes)
    }

    @Test("every cell comes back with its options", arguments: Cell.all)
    func cells(cell: Cell) throws {
        var model = Self.classifier
        model.network.layers = [LayerDescription(cell: cell, hidden: 2)]
        model.parameters = Parameters(model.network, Initialization(), seed: 3)
        #expect(try ModelFile.decode(ModelFile.encode(model)) == model)
    }

    @Test("a peephole of a gate that the cell leaves out is refused", arguments: [LSTMOptions.Forget.none, .coupled])
    func missingGate(forget: LSTMOptions.Forget) {
        var model = Self.classifier
        var options = LSTMOptions()
        (options.forget, options.peepholes) = (forget, [.input, .forget])
        model.network.layers = [LayerDescription(cell: .lstm(options), hidden: 2)]
        model.parameters = Parameters(model.network, Initialization(), seed: 3)
        let error = #expect(throws: ModelFileError.self) { try ModelFile.decode(ModelFile.encode(model)) }
        #expect(error.map { "\($0)".contains("network.layers[0].peepholes") } == true, "\(error as Any)")
    }

    @Test("every cut is recognised and named")
    func truncated() {
        let bytes = ModelFile.encode(Self.classifier)
        for count in 0..<bytes.count {
            let error = #expect(throws: ModelFileError.self) { try ModelFile.decode(Array(bytes[..<count])) }
            switch error?.reason {
            case .damaged(.truncated(count, _)) where count > 0: break
            case .damaged(.notOurs) where count == 0: break
            default: Issue.record("cut to \(count): \(String(describing: error))")
            }
        }
    }

    @Test("every changed byte is recognised")
    func flipped() {
        let bytes = ModelFile.encode(Self.classifier)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: ModelFileError.self, "byte \(index)") { try ModelFile.decode(damaged) }
        }
    }

    @Test("foreign, later and overlong files are told apart")
    func foreign() {
        func reason(_ bytes: [UInt8]) -> ModelFileError.Reason? {
            do { _ = try ModelFile.decode(bytes) } catch { return error.reason }
            return nil
        }
        let bytes = ModelFile.encode(Self.classifier)
        #expect(reason(Array("not a model".utf8)) == .damaged(.notOurs))
        #expect(reason(SealedFile(kind: "CKPT", version: 1).seal([1, 2])) == .damaged(.otherKind("CKPT")))
        #expect(reason(SealedFile(kind: "MODL", version: 9).seal([])) == .damaged(.laterVersion(9, known: 2)))
        #expect(reason(bytes + [0]) == .damaged(.overlong(have: bytes.count + 1, need: bytes.count)))
    }

    @Test("a file of the first format is refused in its own words")
    func earlier() {
        let payload = Array(ModelFile.encode(Self.classifier)[24...].dropLast(SHA256.byteCount))
        let error = #expect(throws: ModelFileError.self) {
            try ModelFile.decode(SealedFile(kind: "MODL", version: 1).seal(payload))
        }
        #expect(error?.reason == .earlierVersion(1))
        #expect(error.map { "\($0)".contains("train the model again") } == true)
    }

    @Test("fields that a file lacks take their defaults, and one that nobody knows is refused by its name")
    func fieldsByName() throws {
        // The same file with one field fewer and with one more: members begin with their number, in 4 bytes.
        let bytes = ModelFile.encode(Self.classifier)
        let payload = Array(bytes[24...].dropLast(SHA256.byteCount))
        func text(_ text: String) -> [UInt8] {
            var writer = BinaryWriter()
            writer.write(text)
            return writer.bytes
        }
        let place = try #require(payload.firstRange(of: text("dropout")))
        let network = try #require(payload.firstRange(of: text("network")))
        #expect(payload[network.upperBound + 1] == 7, "members of a network")
        // The name, a byte for its kind, and 8 of a number.
        var fewer = payload
        fewer.removeSubrange(place.lowerBound..<place.upperBound + 9)
        fewer[network.upperBound + 1] = 6
        #expect(try ModelFile.decode(SealedFile(kind: "MODL", version: 2).seal(fewer)) == Self.classifier)
        var other = payload
        other.replaceSubrange(place, with: text("dropped"))
        let error = #expect(throws: ModelFileError.self) {
            try ModelFile.decode(SealedFile(kind: "MODL", version: 2).seal(other))
        }
        #expect(error.map { "\($0)".contains("network.dropped: unknown field") } == true, "\(error as Any)")
    }

    @Test("tensors are found by name, in whatever order they stand, and have the shape of the network")
    func tensors() throws {
        let layout = Self.classifier.parameters.layout
        func reads(_ change: (inout [(name: String, shape: [Int], values: [Float])]) -> Void) throws -> Parameters {
            var tensors = layout.tensors.map {
                (name: $0.name, shape: $0.shape, values: Array(Self.classifier.parameters.values[$0.range]))
            }
            change(&tensors)
            var writer = BinaryWriter()
            writer.write(tensors) { writer, tensor in
                writer.write(tensor.name)
                writer.write(tensor.shape) { $0.write($1) }
                writer.write(tensor.values)
            }
            var reader = BinaryReader(writer.bytes)
            return try reader.readParameters(layout)
        }
        #expect(try reads { $0.reverse() } == Self.classifier.parameters)
        #expect(throws: BinaryReader.Malformed.self) { try reads { $0[0].name = "layers.9.weight_ih" } }
        #expect(throws: BinaryReader.Malformed.self) { try reads { $0[1] = $0[0] } }
        #expect(throws: BinaryReader.Malformed.self) { try reads { $0[0].shape.reverse() } }
        #expect(throws: BinaryReader.Malformed.self) { try reads { $0[0].values[0] = .nan } }
        #expect(throws: BinaryReader.Malformed.self) { try reads { $0.removeLast() } }
    }

    @Test("a sealed payload of nonsense is malformed, whatever it says", arguments: 0..<200)
    func nonsense(seed: Int) throws {
        var bytes = Array(ModelFile.encode(Self.forecaster)[24...].dropLast(SHA256.byteCount))
        // Changes anywhere, sealed again: nothing but an error or a model may come of it.
        for (place, value) in zip(draws(3, seed: UInt64(seed)), draws(3, seed: UInt64(seed + 1000))) {
            bytes[Int((place + 1) / 2 * Float(bytes.count - 1))] = UInt8((value + 1) / 2 * 255)
        }
        do { _ = try ModelFile.decode(SealedFile(kind: "MODL", version: 2).seal(bytes)) } catch {
            #expect(!"\(error)".isEmpty)
        }
    }

    @Test(
        "a forecaster that would have to read its series from the end is refused, and so is a width beyond all numbers")
    func impossible() {
        var model = Self.forecaster
        model.network.layers = model.network.layers.map {
            var layer = $0
            layer.bidirectional = true
            return layer
        }
        let layout = ParameterLayout(model.network)
        model.parameters = Parameters(layout: layout)
        let error = #expect(throws: ModelFileError.self) { try ModelFile.decode(ModelFile.encode(model)) }
        #expect(error?.reason == .inconsistent("a forecaster that reads whole sequences"))

        var writer = BinaryWriter()
        writer.write("hidden")
        let payload = Array(ModelFile.encode(Self.classifier)[24...].dropLast(SHA256.byteCount))
        guard let place = payload.firstRange(of: writer.bytes) else {
            Issue.record("no width in the file")
            return
        }
        // The name, a byte for its kind, and 8 of the number.
        for value in [UInt8(0x7F), 0x80, 0xFF] {
            var wide = payload
            for index in 1...8 { wide[place.upperBound + index] = 0xFF }
            wide[place.upperBound + 8] = value
            #expect(throws: ModelFileError.self) {
                try ModelFile.decode(SealedFile(kind: "MODL", version: 2).seal(wide))
            }
        }
    }

    @Test("parts that do not belong together are refused")
    func inconsistent() {
        var model = Self.forecaster
        model.inputs = InputTransforms(columns: Array(model.inputs.columns.dropLast()), laggedColumns: 2)
        #expect(throws: ModelFileError.self) { try ModelFile.decode(ModelFile.encode(model)) }
        model = Self.forecaster
        if case .forecast(var forecast) = model.task {
            forecast.tail.rows.removeLast()
            model.task = .forecast(forecast)
        }
        #expect(throws: ModelFileError.self) { try ModelFile.decode(ModelFile.encode(model)) }
    }
}
