import Synchronization

/// Memory that a product needs on its thread, allocated when more threads work at once than ever before.
final class ScratchPool: Sendable {
    private let count: Int
    /// One address that nobody uses at the moment, or 0: where one thread works by itself, it finds its own here.
    private let nearest = Atomic<UInt>(0)
    /// The others.
    private let free = Mutex<[UInt]>([])

    /// - Parameter count: floats of each.
    init(count: Int) { self.count = count }

    deinit {
        UnsafeMutableRawPointer(bitPattern: nearest.load(ordering: .acquiring))?.deallocate()
        free.withLock { free in
            for address in free { UnsafeMutableRawPointer(bitPattern: address)?.deallocate() }
        }
    }

    @inline(__always)
    func take() -> UnsafeMutablePointer<Float> {
        UnsafeMutablePointer<Float>(bitPattern: nearest.exchange(0, ordering: .acquiring)) ?? takeOther()
    }

    @inline(__always)
    func giveBack(_ memory: UnsafeMutablePointer<Float>) {
        let address = UInt(bitPattern: memory)
        if !nearest.compareExchange(expected: 0, desired: address, ordering: .releasing).exchanged {
            free.withLock { $0.append(address) }
        }
    }

    @inline(never)
    private func takeOther() -> UnsafeMutablePointer<Float> {
        if let address = free.withLock({ $0.popLast() }), let memory = UnsafeMutablePointer<Float>(bitPattern: address)
        {
            return memory
        }
        let bytes = count * MemoryLayout<Float>.stride
        let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
        return raw.bindMemory(to: Float.self, capacity: count)
    }
}
