extension KernelSet {
    /// Runs vector multiply-adds in registers only, on the calling thread, and gives the number of floating-point
    /// operations done, two a lane. Timed by the caller, it is the ceiling of every product of this set.
    public func multiplyAdds(rounds: Int) -> Int {
        let target = Buffer(count: bodies.laneCount)
        bodies.multiplyAdds(rounds: rounds, target: target.base)
        return 2 * rounds * bodies.multiplyAddChains * bodies.laneCount
    }
}
