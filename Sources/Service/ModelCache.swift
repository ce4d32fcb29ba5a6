import Formats
import Foundation
import Kernels
import Models
import Networks
import Resources
import Store
import Synchronization

/// A version of a model in memory, ready to run in one precision: immutable, shared by everyone who uses it.
public final class LoadedModel: Sendable {
    public let version: ModelVersion
    public let model: Model
    let predictor: Predictor
    /// What answers tell of it.
    public let served: ServedModel
    /// Of what is counted of it.
    let labels: Metrics.Labels
    /// Parameters as read, and packed, and what the file holds beside them.
    public let bytes: Int

    init(version: ModelVersion, model: Model, precision: Precision, kernels: KernelSet) {
        self.version = version
        self.model = model
        labels = [version.model]
        predictor = Predictor(model, precision: precision, kernels: kernels)
        let parameters = model.parameters.values.count * MemoryLayout<Float>.stride
        bytes =
            parameters + predictor.network.byteCount
            + Self.besideParameters(version, parameters: parameters, columns: model.rowWidth)
        served = ServedModel(
            name: version.model, version: version.version, digest: version.digest,
            precision: predictor.network.precision, outputNames: model.outputNames, inputNames: model.inputNames,
            stateLayout: predictor.network.stateLayout, kind: TaskKind(model.task), answers: model.answerKind)
    }

    /// What a file holds beside its parameters, once it is read: names are texts in several lists, and each row of the
    /// series' end is an array of its own, which takes 48 bytes beside its numbers.
    static func besideParameters(_ version: ModelVersion, parameters: Int, columns: Int) -> Int {
        let rest = max(0, version.bytes - parameters)
        return 3 * rest + 6 * rest / max(1, columns)
    }

}

/// Loads versions on first use and keeps them while they are used and as long as there is room.
///
/// A version may be there in several precisions at once; each has packed weights of its own and counts for itself.
/// One is in use while anyone holds its `LoadedModel`; such a one is never dropped. When a load does not fit, the ones
/// that nobody uses go, least recently used first; when that is not enough the load is refused.
final class ModelCache: Sendable {
    private struct Key: Hashable {
        let name: String
        let version: Int
        let precision: Precision
    }

    private struct Entry {
        var loaded: LoadedModel
        var lastUse: UInt64
    }

    private struct State {
        var entries: [Key: Entry] = [:]
        var clock: UInt64 = 0
        var bytes = 0
    }

    private let store: Store
    private let kernels: KernelSet
    private let memoryLimit: Int
    private let state = Mutex(State())
    /// Loads come one at a time: two requests for the same new version read its file once.
    private let loading = NSLock()

    init(store: Store, kernels: KernelSet, memoryLimit: Int) {
        self.store = store
        self.kernels = kernels
        self.memoryLimit = memoryLimit
    }

    var count: Int { state.withLock { $0.entries.count } }
    var bytes: Int { state.withLock { $0.bytes } }

    /// The version that the reference means just now, in a precision, or in that of the model where none is asked for.
    ///
    /// Throws `.notFound` (as `StoreError`), `.full` when it does not fit, and what reading a damaged file throws.
    ///
    /// - Parameter memory: of the request, for the file while it is read.
    func model(
        _ reference: ModelReference, precision: Precision? = nil, memory: MemoryShare = .unlimited
    ) throws -> LoadedModel {
        // One transaction where the version is loaded, as it mostly is.
        let located = try store.located(reference)
        let key = Key(
            name: located.model, version: located.version,
            precision: precision ?? Precision(word: located.precision))
        if let loaded = find(key, located.digest) { return loaded }
        return try loading.withLock {
            let version = try store.version(ModelReference(name: key.name, selector: .number(key.version)))
            if let loaded = find(key, version.digest) { return loaded }
            let reserved = try reserve(version, key)
            defer { state.withLock { $0.bytes -= reserved } }
            // The file as it is, and what its envelope holds.
            try memory.take(version.bytes, each: 2, for: "model \(key.name):\(key.version) while it is loaded")
            defer { memory.giveBack(2 * version.bytes) }
            let model = try ModelFile.decode(try store.modelFile(of: version))
            let loaded = LoadedModel(version: version, model: model, precision: key.precision, kernels: kernels)
            try insert(loaded, key, reserved: reserved)
            return loaded
        }
    }

    /// Takes the memory of a version before anything of it is read. Gives how much that is; what packing adds to reach
    /// round numbers is known once it is done.
    private func reserve(_ version: ModelVersion, _ key: Key) throws -> Int {
        // No file holds more than it has bytes, whatever its row in the database says; where that cannot be read, all of
        // it counts as parameters.
        let summary = try? Formats.decode(version.description, as: VersionSummary.self)
        let parameters = min(max(0, summary?.parameterCount ?? .max), version.bytes / MemoryLayout<Float>.stride)
        let read = parameters * MemoryLayout<Float>.stride
        let least =
            read + parameters * key.precision.bytesPerWeight
            + LoadedModel.besideParameters(version, parameters: read, columns: summary?.network.inputs ?? 1)
        guard least <= memoryLimit else { throw tooLarge(key, least) }
        let fits = state.withLock { state in
            guard Self.makeRoom(for: least, within: memoryLimit, &state) else { return false }
            state.bytes += least
            return true
        }
        guard fits else { throw full(key, least) }
        return least
    }

    /// Drops versions that nobody uses, the least recently used first, until there is room. False: there is too little
    /// all the same.
    private static func makeRoom(for bytes: Int, within limit: Int, _ state: inout State) -> Bool {
        while bytes > limit - state.bytes, let victim = leastRecentUnused(&state) {
            if let entry = state.entries.removeValue(forKey: victim) { state.bytes -= entry.loaded.bytes }
        }
        return bytes <= limit - state.bytes
    }

    /// Drops what was deleted; nil drops every version of the name.
    func forget(_ name: String, version: Int?) {
        state.withLock { state in
            for key in state.entries.keys where key.name == name && (version == nil || key.version == version) {
                if let entry = state.entries.removeValue(forKey: key) { state.bytes -= entry.loaded.bytes }
            }
        }
    }

    /// A name that was deleted and published again has the same number for another file, hence the digest.
    private func find(_ key: Key, _ digest: String) -> LoadedModel? {
        state.withLock { state in
            guard let entry = state.entries[key], entry.loaded.version.digest == digest else { return nil }
            state.clock += 1
            state.entries[key]?.lastUse = state.clock
            return entry.loaded
        }
    }

    /// - Parameter reserved: of its memory, what was taken before it was read; the caller gives that back.
    private func insert(_ loaded: LoadedModel, _ key: Key, reserved: Int) throws(ServiceError) {
        let fits = state.withLock { state in
            if let old = state.entries.removeValue(forKey: key) { state.bytes -= old.loaded.bytes }
            guard Self.makeRoom(for: loaded.bytes - reserved, within: memoryLimit, &state) else { return false }
            state.clock += 1
            state.entries[key] = Entry(loaded: loaded, lastUse: state.clock)
            state.bytes += loaded.bytes
            return true
        }
        guard loaded.bytes <= memoryLimit else { throw tooLarge(key, loaded.bytes) }
        guard fits else { throw full(key, loaded.bytes) }
    }

    private func tooLarge(_ key: Key, _ bytes: Int) -> ServiceError {
        ServiceError(
            .tooLarge,
            "model \(key.name):\(key.version) in \(key.precision.rawValue) needs \(bytes) bytes, and all models "
                + "together may take \(memoryLimit); start the server with more model memory (model_memory)")
    }

    private func full(_ key: Key, _ bytes: Int) -> ServiceError {
        ServiceError(
            .full(retryAfterSeconds: 10),
            "model \(key.name):\(key.version) in \(key.precision.rawValue) needs \(bytes) bytes, and the models "
                + "in use leave less of the \(memoryLimit) allowed; close sessions, or start the server with more "
                + "model memory")
    }

    private static func leastRecentUnused(_ state: inout State) -> Key? {
        for key in state.entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }).map(\.key) {
            // Everyone gets a model through this lock, so one that only the table holds is held by nobody.
            guard var entry = state.entries.removeValue(forKey: key) else { continue }
            let isUnused = isKnownUniquelyReferenced(&entry.loaded)
            state.entries[key] = entry
            if isUnused { return key }
        }
        return nil
    }
}

extension Precision {
    /// The precision that the store has under a model's name. A word that this program does not know was written by
    /// another; every answer tells what it was computed in.
    init(word: String) { self = Precision(rawValue: word) ?? .float32 }
}
