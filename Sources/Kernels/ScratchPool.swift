import Synchronization

/// Memory that a product needs on its thread, allocated when more threads work at once than ever before.
final class ScratchPool: Sendable {
    private let count: Int
    /// Addresses that nobody uses at the moment.
    private let free = Mutex<[UInt]>([])

    /// - Parameter count: floats of each.
    init(count: Int) { self.count = count }

    deinit {
        free.withLock { free in
            for address in free { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
        }
    }

    func take() -> UnsafeMutablePointer<Float> {
        if let address = free.withLock({ $0.popLast() }), let memory = UnsafeMutablePointer<Float>(bitPattern: address)
        {
            return memory
        }
        let bytes = count * MemoryLayout<Float>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        return raw.bindMemory(to: Float.self, capacity: count)
    }

    func giveBack(_ memory: UnsafeMutablePointer<Float>) { free.withLock { $0.append(UInt(bitPattern: memory)) } }
}
