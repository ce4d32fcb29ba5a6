#if arch(arm64)
import KernelsBaseline
#else
import KernelsAVX2
import KernelsAVX512
import KernelsBaseline
#endif

extension KernelSet {
    /// Runs vector multiply-adds in registers only, on the calling thread, and gives the number of floating-point
    /// operations done, two a lane. Timed by the caller, it is the ceiling of every product of this set.
    public func multiplyAdds(rounds: Int) -> Int {
        let target = Buffer(count: 64)
        #if arch(arm64)
        KernelsBaseline.Bodies.multiplyAdds(rounds: rounds, target: target.base)
        let chains = KernelsBaseline.Bodies.multiplyAddChains
        let lanes = KernelsBaseline.Bodies.laneCount
        #else
        let chains: Int
        let lanes: Int
        switch instructionSet {
        case .avx512:
            KernelsAVX512.Bodies.multiplyAdds(rounds: rounds, target: target.base)
            (chains, lanes) = (KernelsAVX512.Bodies.multiplyAddChains, KernelsAVX512.Bodies.laneCount)
        case .avx2:
            KernelsAVX2.Bodies.multiplyAdds(rounds: rounds, target: target.base)
            (chains, lanes) = (KernelsAVX2.Bodies.multiplyAddChains, KernelsAVX2.Bodies.laneCount)
        case .baseline, .neon:
            KernelsBaseline.Bodies.multiplyAdds(rounds: rounds, target: target.base)
            (chains, lanes) = (KernelsBaseline.Bodies.multiplyAddChains, KernelsBaseline.Bodies.laneCount)
        }
        #endif
        return 2 * rounds * chains * lanes
    }
}
