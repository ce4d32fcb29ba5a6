import Foundation
import Glibc
import Synchronization

@testable import Store

/// The operating system's files, of which the n-th changing operation fails, or every moment can be looked at.
final class FaultyFiles: FileOperations {
    private struct State {
        var operations: [String] = []
        /// The number of the operation that fails, from 1, and with which code.
        var failing: (number: Int, code: Int32)?
        /// At most so many bytes a write.
        var writeLimit = Int.max
        /// Called before and after each operation, and in the middle of a write.
        var watch: (@Sendable () -> Void)?
        /// Called before a file is read as a whole.
        var beforeReading: (@Sendable () -> Void)?
        /// Called before a file is locked.
        var watchLocks: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let system = SystemFiles()
    /// Keeps the folder as long as the store that works on it.
    private let folder = Mutex<StoreFolder?>(nil)

    func keep(_ folder: StoreFolder) { self.folder.withLock { $0 = folder } }

    /// Starts counting anew; the `number`-th changing operation from here (1 is the next) fails, the others work: a disk
    /// that is full for a moment.
    func fail(_ number: Int, code: Int32) { state.withLock { $0 = State(failing: (number, code)) } }

    /// Works without faults and unwatched, and counts anew.
    func heal() { state.withLock { $0 = State() } }

    func limitWrites(to bytes: Int) { state.withLock { $0.writeLimit = bytes } }

    func watch(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.watch = body } }

    func beforeReading(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.beforeReading = body } }

    func watchLocks(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.watchLocks = body } }

    /// The changing operations since `fail` or `heal`, in order.
    var operations: [String] { state.withLock { $0.operations } }

    private func step<Value>(
        _ operation: String, _ path: String, _ body: () throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let (error, watch) = state.withLock { state in
            state.operations.append(operation)
            let fails = state.failing?.number == state.operations.count
            return (fails ? StoreError.system(state.failing?.code ?? 0, operation, path) : nil, state.watch)
        }
        if let error { throw error }
        watch?()
        let value = try body()
        watch?()
        return value
    }

    func makeDirectory(_ path: String) throws(StoreError) {
        try step("make directory", path) { () throws(StoreError) in try system.makeDirectory(path) }
    }

    func create(_ path: String) throws(StoreError) -> Int32 {
        try step("create", path) { () throws(StoreError) in try system.create(path) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(StoreError) -> Int {
        let (limit, watch) = state.withLock { ($0.writeLimit, $0.watch) }
        return try step("write", path) { () throws(StoreError) in
            guard let watch, bytes.count > 1 else {
                let rest = UnsafeRawBufferPointer(rebasing: bytes.prefix(limit))
                return try system.write(rest, to: descriptor, path: path)
            }
            let half = UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2))
            let count = try system.write(half, to: descriptor, path: path)
            watch()
            let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(count))
            return try count + system.write(rest, to: descriptor, path: path)
        }
    }

    func sync(_ descriptor: Int32, path: String) throws(StoreError) {
        // No test cuts the power: the disk is not asked, or the suites would take minutes on a slow one.
        try step("sync", path) { () throws(StoreError) in }
    }

    func rename(_ source: String, to target: String) throws(StoreError) {
        try step("rename", source) { () throws(StoreError) in try system.rename(source, to: target) }
    }

    func syncDirectory(_ path: String) throws(StoreError) {
        try step("sync directory", path) { () throws(StoreError) in }
    }

    func remove(_ path: String) throws(StoreError) {
        try step("remove", path) { () throws(StoreError) in try system.remove(path) }
    }

    func lock(_ path: String) -> FileLock? {
        state.withLock { $0.watchLocks }?()
        return system.lock(path)
    }

    func read(_ path: String) throws(StoreError) -> [UInt8] {
        state.withLock { $0.beforeReading }?()
        return try system.read(path)
    }

    func scan(_ path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws(StoreError) {
        try system.scan(path, body)
    }

    func list(_ directory: String) throws(StoreError) -> [String] { try system.list(directory) }
}
