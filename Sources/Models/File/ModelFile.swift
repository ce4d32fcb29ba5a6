import Kernels
import NamedFields
import Networks

/// A model as a file: what it is in fields by name, fitted transforms, the tail of the series, tensors by name and shape,
/// seed and dataset digest. No id, time or host: the same training gives the same bytes.
public enum ModelFile {
    private static let file = SealedFile(kind: "MODL", version: 2)

    public static func encode(_ model: Model) -> [UInt8] {
        var writer = BinaryWriter()
        writer.write(fields(of: model))
        writer.write(model.inputs.columns) { $0.write($1) }
        writer.write(model.inputs.laggedColumns)
        if case .forecast(let forecast) = model.task { writer.write(forecast.tail) }
        writer.write(model.parameters)
        writer.write(model.seed)
        writer.write(model.datasetDigest)
        return file.seal(writer.bytes)
    }

    /// What a file says of the model by name.
    public static func fields(of model: Model) -> FieldValue { .members(FieldWriter.members(of: ModelFields(model))) }

    public static func decode(_ bytes: [UInt8]) throws(ModelFileError) -> Model {
        let payload: [UInt8]
        let version: UInt32
        do { (payload, version) = try file.open(bytes) } catch { throw ModelFileError(reason: .damaged(error)) }
        guard version == file.version else { throw ModelFileError(reason: .earlierVersion(version)) }
        var reader = BinaryReader(payload)
        do {
            let fields = try described(by: try reader.readFields())
            let columns = try reader.readArray(size: 8, in: 1...ModelLimit.columns) {
                reader throws(BinaryReader.Malformed) in try reader.readColumnTransform()
            }
            let laggedColumns = try reader.readInt(in: 0...columns.count, "a number of columns")
            let names = fields.task.targets.count + fields.task.features.count
            let tail =
                fields.task.kind == .forecast ? try reader.readTail(width: names) : SeriesTail(rows: [], time: nil)
            // Within the limits of the fields no product or sum of the layout is near the end of `Int`.
            let parameters = try reader.readParameters(ParameterLayout(fields.network))
            let model = Model(
                task: fields.task.task(tail), transform: fields.transform,
                inputs: InputTransforms(columns: columns, laggedColumns: laggedColumns), network: fields.network,
                parameters: parameters, seed: try reader.read(),
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

    /// The fields, each of the right type and within its bounds.
    private static func described(by value: FieldValue) throws(ModelFileError) -> ModelFields {
        var fields = ModelFields()
        var findings = FieldFindings()
        FieldReader.read(value, into: &fields, &findings)
        FieldChecker.check(fields, &findings)
        // What fields have to do with each other is asked of fields that are within their bounds.
        if findings.all.isEmpty { findings.at("network") { fields.network.noteConflicts(&$0) } }
        if let first = findings.all.list.first { throw ModelFileError(reason: .description("\(first)".excerpt(256))) }
        guard fields.network.readout != .everyStep else {
            throw ModelFileError(reason: .description("network.readout: a model answers once for a sequence"))
        }
        return fields
    }
}

/// Why bytes are no model.
public struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// The envelope: foreign, cut off, changed.
        case damaged(SealedFile.Damage)
        /// Written by an earlier program, in a format that is read no more.
        case earlierVersion(UInt32)
        /// What it says of the model by name is not what a model can be.
        case description(String)
        /// The envelope is whole, what is in it is not.
        case malformed(BinaryReader.Malformed)
        /// Every part can be read, but they do not belong together.
        case inconsistent(String)
    }

    public var reason: Reason

    public var description: String {
        switch reason {
        case .damaged(let damage): "this is no model file: \(damage)"
        case .earlierVersion(let version):
            "this model file has format version \(version), which is no longer read: train the model again"
        case .description(let violation): "this model file describes no model: \(violation)"
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
        guard inputs.columns.count == names.count, network.inputs == alphabet?.count ?? names.count else {
            return "\(names.count) columns for \(network.inputs) inputs"
        }
        if let alphabet {
            guard alphabet.isDistinct else { return "two symbols of one name" }
            guard inputs == .ofTokens else { return "symbols that go through transforms" }
        } else if network.readsIndices {
            return "a layer that reads symbols, and no alphabet of them"
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
        case .classify, .label: return inputs.laggedColumns == names.count ? nil : "features without their lags"
        case .forecast(let forecast): return conflict(in: forecast)
        }
    }

    private func conflict(in forecast: ForecastModel) -> String? {
        guard inputs.laggedColumns == forecast.targets.count else { return "targets without their lags" }
        guard network.streams else { return "a forecaster that reads whole sequences" }
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
