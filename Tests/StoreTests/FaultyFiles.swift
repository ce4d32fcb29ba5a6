import Foundation
import Glibc
import Synchronization

@testable import Store

/// The operating system's files, of which the n-th changing operation fails.
final class FaultyFiles: FileOperations {
    enum Fault: Sendable {
        /// The operation fails with this code, the following work: a disk that is full for a moment.
        case error(Int32)
        /// The operation and all after it do nothing: the process died. A write writes half of its bytes before.
        case crash
    }

    private struct State {
        var count = 0
        var failing: (number: Int, fault: Fault)?
        var isDead = false
        /// At most so many bytes a write.
        var writeLimit = Int.max
    }

    private let state = Mutex(State())
    /// Keeps the folder as long as the store that works on it.
    private let folder = Mutex<StoreFolder?>(nil)
    private let system = SystemFiles()

    /// Starts counting anew; the `number`-th changing operation from here (1 is the next) fails.
    func fail(_ number: Int, with fault: Fault) {
        state.withLock { $0 = State(failing: (number, fault)) }
    }

    func keep(_ folder: StoreFolder) { self.folder.withLock { $0 = folder } }

    /// Works without faults again, and counts anew.
    func heal() { state.withLock { $0 = State() } }

    func limitWrites(to bytes: Int) { state.withLock { $0.writeLimit = bytes } }

    /// Changing operations since `fail` or `heal`.
    var count: Int { state.withLock { $0.count } }

    /// Counts one operation; answers whether a write is to be torn, throws where it fails.
    private func step(_ operation: String, _ path: String, tearing: Bool = false) throws(StoreError) -> Bool {
        let (error, torn): (StoreError?, Bool) = state.withLock { state in
            let died = StoreError(.inputOutput(operation: operation, path: path, code: EIO), "the process is dead")
            if state.isDead { return (died, false) }
            state.count += 1
            guard let failing = state.failing, failing.number == state.count else { return (nil, false) }
            switch failing.fault {
            case .error(let code): return (.system(code, operation, path), false)
            case .crash:
                state.isDead = true
                return (died, tearing)
            }
        }
        if torn { return true }
        if let error { throw error }
        return false
    }

    func makeDirectory(_ path: String) throws(StoreError) {
        _ = try step("make directory", path)
        try system.makeDirectory(path)
    }

    func create(_ path: String) throws(StoreError) -> Int32 {
        _ = try step("create", path)
        return try system.create(path)
    }

    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(StoreError) -> Int {
        let limit = state.withLock { $0.writeLimit }
        if try step("write", path, tearing: true) {
            _ = try system.write(
                UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2)), to: descriptor, path: path)
            throw StoreError(.inputOutput(operation: "write", path: path, code: EIO), "the process is dead")
        }
        return try system.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(limit)), to: descriptor, path: path)
    }

    func sync(_ descriptor: Int32, path: String) throws(StoreError) {
        // No test cuts the power: the disk is not asked, or the suites would take minutes on a slow one.
        _ = try step("sync", path)
    }

    func rename(_ source: String, to target: String) throws(StoreError) {
        _ = try step("rename", source)
        try system.rename(source, to: target)
    }

    func syncDirectory(_ path: String) throws(StoreError) {
        _ = try step("sync", path)
    }

    func remove(_ path: String) throws(StoreError) {
        _ = try step("remove", path)
        try system.remove(path)
    }

    func read(_ path: String) throws(StoreError) -> [UInt8] { try system.read(path) }

    func list(_ directory: String) throws(StoreError) -> [String] { try system.list(directory) }
}
