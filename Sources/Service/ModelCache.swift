import Foundation
import Kernels
import Networks
import Resources
import Store
import Synchronization

/// A version of a model in memory, ready to run in one precision: immutable, shared by everyone who uses it.
public final class LoadedModel: Sendable {
    public let version: ModelVersion
    public let model: Model
    let predictor: Predictor
    /// Parameters as read, and packed.
    public let bytes: Int

    init(version: ModelVersion, model: Model, precision: Precision, kernels: KernelSet) {
        self.version = version
        self.model = model
        predictor = Predictor(model, precision: precision, kernels: kernels)
        bytes = model.parameters.values.count * MemoryLayout<Float>.stride + predictor.network.byteCount
    }

    public var served: ServedModel {
        let kind: TaskKind =
            switch model.task {
            case .forecast: .forecast
            case .classify: .classify
            }
        return ServedModel(
            name: version.model, version: version.version, digest: version.digest,
            precision: predictor.network.precision, outputNames: model.outputNames, inputNames: model.inputNames,
            kind: kind)
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
        let version = try store.version(reference)
        let precision = try precision ?? Precision(word: store.precision(of: version.model))
        let key = Key(name: version.model, version: version.version, precision: precision)
        if let loaded = find(key, version) { return loaded }
        return try loading.withLock {
            if let loaded = find(key, version) { return loaded }
            try makeRoom(for: version, key)
            // The file as it is, and what its envelope holds.
            try memory.take(version.bytes, each: 2, for: "model \(key.name):\(key.version) while it is loaded")
            defer { memory.giveBack(2 * version.bytes) }
            let model = try ModelFile.decode(try store.modelFile(of: version))
            let loaded = LoadedModel(version: version, model: model, precision: precision, kernels: kernels)
            try insert(loaded, key)
            return loaded
        }
    }

    /// Before anything of it is read: a model is a little smaller than its file, and its packed weights are as large
    /// again, or less in a reduced precision.
    private func makeRoom(for version: ModelVersion, _ key: Key) throws(ServiceError) {
        let least = version.bytes - Self.fileBesideParameters
        guard least <= memoryLimit else {
            throw ServiceError(
                .tooLarge,
                "model \(key.name):\(key.version) has a file of \(version.bytes) bytes, and all models together may take "
                    + "\(memoryLimit); start the server with more model memory (model_memory)")
        }
        state.withLock { state in
            while state.bytes + least > memoryLimit, let victim = Self.leastRecentUnused(&state) {
                if let entry = state.entries.removeValue(forKey: victim) { state.bytes -= entry.loaded.bytes }
            }
        }
    }

    /// Names, transforms and the tail of the series: what a file may hold that is no parameter.
    private static let fileBesideParameters = 1 << 20

    /// Drops what was deleted; nil drops every version of the name.
    func forget(_ name: String, version: Int?) {
        state.withLock { state in
            for key in state.entries.keys where key.name == name && (version == nil || key.version == version) {
                if let entry = state.entries.removeValue(forKey: key) { state.bytes -= entry.loaded.bytes }
            }
        }
    }

    /// A name that was deleted and published again has the same number for another file, hence the digest.
    private func find(_ key: Key, _ version: ModelVersion) -> LoadedModel? {
        state.withLock { state in
            guard let entry = state.entries[key], entry.loaded.version.digest == version.digest else { return nil }
            state.clock += 1
            state.entries[key]?.lastUse = state.clock
            return entry.loaded
        }
    }

    private func insert(_ loaded: LoadedModel, _ key: Key) throws(ServiceError) {
        let fits = state.withLock { state in
            if let old = state.entries.removeValue(forKey: key) { state.bytes -= old.loaded.bytes }
            while state.bytes + loaded.bytes > memoryLimit, let victim = Self.leastRecentUnused(&state) {
                if let entry = state.entries.removeValue(forKey: victim) { state.bytes -= entry.loaded.bytes }
            }
            guard state.bytes + loaded.bytes <= memoryLimit else { return false }
            state.clock += 1
            state.entries[key] = Entry(loaded: loaded, lastUse: state.clock)
            state.bytes += loaded.bytes
            return true
        }
        guard loaded.bytes <= memoryLimit else {
            throw ServiceError(
                .tooLarge,
                "model \(key.name):\(key.version) in \(key.precision.rawValue) needs \(loaded.bytes) bytes, and all models "
                    + "together may take \(memoryLimit); start the server with more model memory (model_memory)")
        }
        guard fits else {
            throw ServiceError(
                .full(retryAfterSeconds: 10),
                "model \(key.name):\(key.version) in \(key.precision.rawValue) needs \(loaded.bytes) bytes, and the models "
                    + "in use leave less of the "
                    + "\(memoryLimit) allowed; close sessions, or start the server with more model memory")
        }
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
