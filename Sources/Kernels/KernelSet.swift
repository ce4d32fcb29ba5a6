/// The numeric kernels for one instruction set and a number of threads: the only way into the hot loops.
///
/// Methods check shapes once and allocate nothing. They may be called from any number of threads at once: the helpers
/// serve one call at a time, another runs on its own thread alone. Results do not depend on `threads`, nor, among sets
/// with fused multiply-add, on `instructionSet`.
public final class KernelSet: Sendable {
    public let instructionSet: InstructionSet
    public let threads: Int
    let usesDots: Bool
    let bodies: any InstructionSetBodies.Type
    let team: ThreadTeam?
    private let scratch: ScratchPool

    /// - Parameters:
    ///   - instructionSet: must be available on this processor.
    ///   - threads: how many threads a large call is divided among, the caller's included.
    public convenience init(_ instructionSet: InstructionSet = .best, threads: Int = 1) {
        self.init(instructionSet, threads: threads, usesDots: true)
    }

    /// - Parameter usesDots: false for the widening products of reduced precisions, as on processors without dot
    ///   products of their own.
    init(_ instructionSet: InstructionSet, threads: Int, usesDots: Bool) {
        precondition(threads >= 1, "\(threads) threads")
        self.instructionSet = instructionSet
        self.threads = threads
        self.usesDots = usesDots
        bodies = instructionSet.bodies
        scratch = ScratchPool(count: bodies.scratchCount)
        team = threads > 1 ? ThreadTeam(helpers: threads - 1) : nil
    }

    /// Multiply-adds of a part that is worth another thread: a few microseconds.
    static let worthwhile = 400_000

    /// Multiply-adds of a call for which sleeping helpers are woken: a quarter of a millisecond of one thread. To be
    /// woken takes a fifth of that, and is lost where the next call is as small.
    private static let worthWaking = 1 << 24

    /// Whether a call is worth waking sleeping helpers.
    func isLarge(_ cost: Int) -> Bool { cost >= Self.worthWaking }

    /// Lends the calling thread memory for copies and sums.
    @inline(__always)
    func withScratch(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        let memory = scratch.take()
        body(memory)
        scratch.giveBack(memory)
    }

    /// Runs `work` over 0 ..< units, in parts that several threads take where each part has at least `worthwhile`
    /// multiply-adds, a few microseconds: a smaller call costs less alone than the others take to notice it.
    ///
    /// - Parameters:
    ///   - cost: multiply-adds of one unit, roughly.
    ///   - partsOfThread: a few, so that a thread that runs late leaves its share to the others; fewer where every part
    ///     has work of its own to do.
    @inline(__always)
    func divide<Work: DividedWork>(
        _ work: Work, units: Int, cost: Int, partsOfThread: Int = 4, worthwhile: Int = KernelSet.worthwhile
    ) {
        guard units > 0 else { return }
        if let team {
            let parts = min(partsOfThread * threads, units, units * cost / worthwhile)
            if parts > 1, team.run(work, units: units, parts: parts, isLarge: isLarge(units * cost)) { return }
        }
        work.run(0..<units)
    }
}
