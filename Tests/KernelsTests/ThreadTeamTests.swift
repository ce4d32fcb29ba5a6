import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

/// A number that several threads raise.
private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .acquiring) }
    func increase() { count.add(1, ordering: .releasing) }
}

@Suite struct ThreadTeamTests {
    /// A product large enough to be divided, and its bits on one thread.
    private struct Job {
        let w: Grid
        let x: Grid
        let expected: [UInt32]

        init(seed: UInt64) {
            var random = SeededGenerator(seed)
            w = Grid(random: &random, 200, 150)
            x = Grid(random: &random, 40, 150)
            expected = Self.run(KernelSet(), w, x)
        }

        static func run(_ kernels: KernelSet, _ w: Grid, _ x: Grid) -> [UInt32] {
            let packed = PackedMatrix(outputs: w.count, inputs: w.width, for: kernels)
            kernels.pack(w.base, into: packed)
            let target = Grid(x.count, w.count)
            kernels.product(x.rows, packed, start: .zero, into: target.mutable)
            return target.bits
        }

        func run(_ kernels: KernelSet) -> [UInt32] { Self.run(kernels, w, x) }
    }

    @Test("calls that follow each other closely, or after a pause in which the helpers slept, all give the same bits")
    func repeated() {
        let job = Job(seed: 71)
        let kernels = KernelSet(threads: 3)
        for round in 0..<300 {
            if round % 100 == 99 { usleep(5_000) }
            #expect(job.run(kernels) == job.expected)
        }
    }

    @Test("several callers may use one team at once")
    func callers() {
        let kernels = KernelSet(threads: 2)
        let (wrong, finished) = (Counter(), Counter())
        let threads = (0..<4).map { index in
            Thread {
                let job = Job(seed: UInt64(80 + index))
                for _ in 0..<100 where job.run(kernels) != job.expected {
                    wrong.increase()
                }
                finished.increase()
            }
        }
        threads.forEach { $0.start() }
        while finished.value < 4 { usleep(1_000) }
        #expect(wrong.value == 0)
    }

    @Test("teams come and go")
    func lifetimes() {
        let job = Job(seed: 90)
        for _ in 0..<50 { #expect(job.run(KernelSet(threads: 4)) == job.expected) }
    }
}

@Suite struct InstructionSetTests {
    @Test("the best set is available, and what is available runs")
    func best() {
        #expect(InstructionSet.best.isAvailable)
        #expect(InstructionSet.available.contains(.best))
        for set in InstructionSet.available { #expect(KernelSet(set).sum([1, 2, 3], count: 3) == 6) }
    }

    #if arch(x86_64)
    @Test("a processor of the x86 family always has the baseline and never NEON")
    func baseline() {
        #expect(InstructionSet.baseline.isAvailable && !InstructionSet.neon.isAvailable)
    }

    @Test("a set that the processor lacks is refused at once")
    func refused() async {
        await #expect(processExitsWith: .failure) { _ = KernelSet(.neon) }
    }
    #endif
}
