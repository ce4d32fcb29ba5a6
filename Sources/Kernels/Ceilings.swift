// What no kernel can exceed: operations in registers, and memory read into them. Each runs on the calling thread, which times it.

#if arch(x86_64)
import KernelsAVX512BF16
import KernelsAVX512VNNI
#endif

extension KernelSet {
    /// Runs multiply-adds of float32 vectors in registers only, and gives the number of operations done: a
    /// multiplication and an addition a lane.
    public func multiplyAdds(rounds: Int) -> Int {
        let target = Buffer(count: bodies.laneCount)
        bodies.multiplyAdds(rounds: rounds, target: target.base)
        return 2 * rounds * bodies.multiplyAddChains * bodies.laneCount
    }

    /// The same for dot products of bfloat16 pairs; nil where the instruction set has none.
    public func bfloat16Dots(rounds: Int) -> Int? {
        guard instructionSet.hasBFloat16Dots else { return nil }
        #if arch(x86_64)
        typealias Dots = KernelsAVX512BF16.Bodies
        let target = Buffer(count: Dots.laneCount)
        Dots.dots(rounds: rounds, target: target.base)
        return rounds * Dots.dotChains * Dots.dotOperations
        #else
        return nil
        #endif
    }

    /// The same for dot products of four bytes; nil where the instruction set has none.
    public func int8Dots(rounds: Int) -> Int? {
        guard instructionSet.hasInt8Dots else { return nil }
        #if arch(x86_64)
        typealias Dots = KernelsAVX512VNNI.Bodies
        let target = UnsafeMutablePointer<Int32>.allocate(capacity: Dots.laneCount)
        defer { target.deallocate() }
        Dots.dots(rounds: rounds, target: target)
        return rounds * Dots.dotChains * Dots.dotOperations
        #else
        return nil
        #endif
    }

    /// How `readSums` goes through memory.
    public enum ReadOrder: Int, Sendable, CaseIterable {
        case vectorByVector = 0
        /// Eight streams side by side, as one row's product reads eight panels of its weights.
        case eightStreams = 1
    }

    /// Reads the floats of `range` in `memory` `rounds` times, and gives the number of bytes read: all of them but the
    /// last few that do not fill eight vectors.
    public func readSums(_ memory: borrowing Buffer, _ range: Range<Int>, order: ReadOrder, rounds: Int) -> Int {
        precondition(range.lowerBound >= 0 && range.upperBound <= memory.count, "floats \(range) of \(memory.count)")
        let count = range.count / bodies.readSumWidth * bodies.readSumWidth
        let target = Buffer(count: bodies.laneCount)
        bodies.readSums(
            source: memory.base + range.lowerBound, count: count, apart: order.rawValue, rounds: rounds,
            target: target.base)
        return rounds * count * MemoryLayout<Float>.stride
    }
}
