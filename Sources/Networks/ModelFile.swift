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
            let transform = try reader.readArray(size: 1, in: 0...ModelLimit.transforms) {
                reader throws(BinaryReader.Malformed) in try reader.readTransformSpec()
            }
            let columns = try reader.readArray(size: 8, in: 1...ModelLimit.columns) {
                reader throws(BinaryReader.Malformed) in try reader.readColumnTransform()
            }
            let laggedColumns = try reader.readInt(in: 0...columns.count, "a number of columns")
            let network = try reader.readNetwork()
            // Within the limits above no product or sum of the layout is near the end of `Int`.
            let layout = ParameterLayout(network)
            let values = try reader.readFloats(layout.count)
            let model = Model(
                task: task, transform: transform,
                inputs: InputTransforms(columns: columns, laggedColumns: laggedColumns), network: network,
                parameters: Parameters(layout: layout, values: values), seed: try reader.read(),
                datasetDigest: try reader.readString(most: ModelLimit.nameBytes))
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
        let names = inputNames
        guard inputs.columns.count == network.inputs, names.count == network.inputs else {
            return "\(names.count) columns for \(network.inputs) inputs"
        }
        guard Set(names).count == names.count else { return "two columns of one name" }
        guard outputNames.count == network.outputs else {
            return "\(outputNames.count) names for \(network.outputs) outputs"
        }
        guard Set(outputNames).count == outputNames.count else { return "two outputs of one name" }
        guard inputs.columns[..<inputs.laggedColumns].allSatisfy({ $0.follows(transform) }),
            inputs.columns[inputs.laggedColumns...].allSatisfy({ $0.lag == 0 })
        else { return "columns that do not go through its transforms" }
        switch task {
        case .classify: return inputs.laggedColumns == names.count ? nil : "features without their lags"
        case .forecast(let forecast): return conflict(in: forecast)
        }
    }

    private func conflict(in forecast: ForecastModel) -> String? {
        guard inputs.laggedColumns == forecast.targets.count else { return "targets without their lags" }
        let need = forecast.lookback + lag
        guard forecast.tail.rows.count >= need else {
            return "a tail of \(forecast.tail.rows.count) rows for the \(need) that a forecast reads"
        }
        // What it is asked for without a history of its own: it has to be able to read its own end.
        do { _ = try inputs.forward(Array(forecast.tail.rows.suffix(need).joined())) } catch {
            return "a tail that its transforms cannot take"
        }
        return nil
    }
}

extension ColumnTransform {
    /// Whether these are the steps of `specs`, fitted. Scalings stand anywhere, and one may have been added at the end.
    fileprivate func follows(_ specs: [TransformSpec]) -> Bool {
        let asked = specs.compactMap { spec -> Step? in
            switch spec {
            case .log: .log
            case .difference: .difference(lag: 1)
            case .seasonalDifference(let period): .difference(lag: period)
            case .standardize, .minMax: nil
            }
        }
        let fitted = steps.filter { step in
            if case .scale = step { false } else { true }
        }
        return fitted == asked
    }
}
