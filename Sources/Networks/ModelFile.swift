import Kernels

/// A model as a file: description, parameters, transforms, seed, dataset digest and the tail of the series. No id, time
/// or host: the same training gives the same bytes.
public enum ModelFile {
    private static let file = SealedFile(kind: "MODL", version: 1)

    public static func encode(_ model: Model) -> [UInt8] {
        var writer = BinaryWriter()
        writer.write(model.task)
        writer.write(model.transform) { $0.write($1) }
        writer.write(model.inputs.columns) { $0.write($1) }
        writer.write(model.inputs.laggedColumns)
        writer.write(model.network)
        writer.write(model.parameters.values)
        writer.write(model.seed)
        writer.write(model.datasetDigest)
        return file.seal(writer.bytes)
    }

    public static func decode(_ bytes: [UInt8]) throws(ModelFileError) -> Model {
        let payload: [UInt8]
        do { payload = try file.open(bytes).payload } catch { throw ModelFileError(reason: .damaged(error)) }
        var reader = BinaryReader(payload)
        do {
            let task = try reader.readTask()
            let transform = try reader.readArray { reader throws(BinaryReader.Malformed) in
                try reader.readTransformSpec()
            }
            let columns = try reader.readArray { reader throws(BinaryReader.Malformed) in
                try reader.readColumnTransform()
            }
            let laggedColumns = try reader.readInt()
            let network = try reader.readNetwork()
            let values = try reader.readFloats()
            let layout = ParameterLayout(network)
            guard values.count == layout.count else { throw reader.malformed("\(layout.count) parameters") }
            let model = Model(
                task: task, transform: transform,
                inputs: InputTransforms(columns: columns, laggedColumns: laggedColumns), network: network,
                parameters: Parameters(layout: layout, values: values), seed: try reader.read(),
                datasetDigest: try reader.readString())
            guard reader.isAtEnd else { throw reader.malformed("the end") }
            if let conflict = model.conflict { throw ModelFileError(reason: .inconsistent(conflict)) }
            return model
        } catch let error as BinaryReader.Malformed {
            throw ModelFileError(reason: .malformed(error))
        } catch let error as ModelFileError {
            throw error
        } catch {
            throw ModelFileError(reason: .inconsistent("\(error)"))
        }
    }
}

/// Why bytes are no model.
public struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The envelope: foreign, cut off, changed.
        case damaged(SealedFile.Damage)
        /// The envelope is whole, what is in it is not.
        case malformed(BinaryReader.Malformed)
        /// Every part can be read, but they do not belong together.
        case inconsistent(String)
    }

    public var reason: Reason

    public var description: String {
        switch reason {
        case .damaged(let damage): "this is no model file: \(damage)"
        case .malformed(let error):
            "this model file is malformed: \(error.expectation) expected at byte \(error.offset)"
        case .inconsistent(let conflict): "this model file contradicts itself: \(conflict)"
        }
    }
}

extension Model {
    /// What does not fit together in it, if anything: a file may have been made by other hands.
    var conflict: String? {
        guard !network.layers.isEmpty else { return "no layers" }
        guard inputs.columns.count == network.inputs, inputNames.count == network.inputs else {
            return "\(inputNames.count) columns for \(network.inputs) inputs"
        }
        guard outputNames.count == network.outputs else {
            return "\(outputNames.count) names for \(network.outputs) outputs"
        }
        guard (0...network.inputs).contains(inputs.laggedColumns) else { return "lagged columns" }
        guard inputs.columns[inputs.laggedColumns...].allSatisfy({ $0.lag == 0 }) else { return "lagged columns" }
        guard case .forecast(let forecast) = task else { return nil }
        guard inputs.laggedColumns == forecast.targets.count else { return "targets without their lags" }
        guard forecast.lookback > 0, forecast.horizon > 0 else { return "lookback and horizon" }
        guard forecast.tail.rows.count >= forecast.lookback + lag,
            forecast.tail.rows.allSatisfy({ $0.count == network.inputs })
        else { return "a tail of \(forecast.tail.rows.count) rows for a lookback of \(forecast.lookback)" }
        return nil
    }
}
