import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Kernels

@Suite struct PartedWorkTests {
    /// What happened to each part.
    private final class Record: Sendable {
        let parts = Mutex<[String]>([])
        let begun = Atomic<Int>(0)

        /// Waits until as many have begun; false where that takes too long.
        func waits(for count: Int) -> Bool {
            for _ in 0..<60_000 {
                if begun.load(ordering: .acquiring) >= count { return true }
                usleep(1_000)
            }
            return false
        }
    }

    /// Parts that each wait for all others, and so end only where every one has a thread of its own.
    private struct Meeting: PartedWork {
        let record: Record
        let kernels: KernelSet
        let w: Grid
        let x: Grid
        let expected: [UInt32]

        func run(_ parts: Range<Int>, of count: Int) {
            for part in parts {
                record.begun.add(1, ordering: .releasing)
                let met = record.waits(for: count)
                // The team is busy: work within a part is done whole, products too, by the thread of the part.
                kernels.run(Whole(record: record), rows: 1_000, cost: 1 << 30)
                let packed = PackedMatrix(outputs: w.count, inputs: w.width, for: kernels)
                kernels.pack(w.base, into: packed)
                let target = Grid(x.count, w.count)
                kernels.product(x.rows, packed, start: .zero, into: target.mutable)
                let isSame = target.bits == expected
                record.parts.withLock { $0.append("\(part) of \(count), met \(met), same \(isSame)") }
            }
        }
    }

    private struct Whole: PartedWork {
        let record: Record

        func run(_ parts: Range<Int>, of count: Int) {
            record.parts.withLock { $0.append("\(parts) of \(count)") }
        }
    }

    @Test("every part has a thread of its own, and what is called in it stays there")
    func meeting() {
        var random = SeededGenerator(91)
        let (w, x) = (Grid(random: &random, 200, 150), Grid(random: &random, 400, 150))
        let alone = KernelSet()
        let packed = PackedMatrix(outputs: 200, inputs: 150, for: alone)
        alone.pack(w.base, into: packed)
        let target = Grid(400, 200)
        alone.product(x.rows, packed, start: .zero, into: target.mutable)
        for threads in [1, 2, 4] {
            let record = Record()
            let kernels = KernelSet(threads: threads)
            kernels.run(
                Meeting(record: record, kernels: kernels, w: w, x: x, expected: target.bits), rows: 32, cost: 1 << 30)
            let expected = (0..<threads).map { "\($0) of \(threads), met true, same true" }
            let whole = [String](repeating: "0..<1 of 1", count: threads)
            #expect(record.parts.withLock { $0.sorted() } == (expected + whole).sorted())
        }
    }

    @Test("few rows, and little work, stay whole")
    func small() {
        let kernels = KernelSet(threads: 4)
        for (rows, cost) in [(31, 1 << 30), (1_000, 100_000), (0, 0)] {
            let record = Record()
            kernels.run(Whole(record: record), rows: rows, cost: cost)
            #expect(record.parts.withLock { $0 } == ["0..<1 of 1"])
        }
    }
}
