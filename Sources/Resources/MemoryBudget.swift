import Synchronization

/// Memory that all requests under way share: their content, what is made of it, the work and the answers.
///
/// Taken before it is used, so that no sequence of requests takes more than `limit`. Nobody waits for memory: what
/// cannot be had is refused at once, and the refusal says whether it could be had later.
public final class MemoryBudget: Sendable {
    /// Bytes.
    public let limit: Int
    private let taken = Atomic<Int>(0)

    /// A share up to this size may take the last of the budget, a larger one must leave `reserve` free: a few large
    /// requests never keep the small ones out.
    public static let smallShare = 1 << 20

    public init(limit: Int) {
        self.limit = limit
    }

    /// For what stands under no limit, such as a client's own memory.
    public static let unlimited = MemoryBudget(limit: .max)

    /// Bytes taken at present.
    public var used: Int { taken.load(ordering: .relaxed) }

    /// All of it is taken, or more: answers that exist already count however little was left.
    public var isExhausted: Bool { used >= limit }

    /// What large shares leave to small ones.
    public var reserve: Int { limit / 8 }

    /// Takes all of `bytes` or nothing. False: they are not there at present.
    fileprivate func take(_ bytes: Int, isSmall: Bool) -> Bool {
        let ceiling = isSmall ? limit : limit - reserve
        var current = taken.load(ordering: .relaxed)
        while true {
            let (sum, overflow) = current.addingReportingOverflow(bytes)
            guard !overflow, sum <= ceiling else { return false }
            let (exchanged, original) = taken.weakCompareExchange(
                expected: current, desired: sum, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
    }

    /// Takes what is in use already, the limit notwithstanding.
    fileprivate func overdraw(_ bytes: Int) {
        taken.add(bytes, ordering: .relaxed)
    }

    fileprivate func giveBack(_ bytes: Int) {
        taken.subtract(bytes, ordering: .relaxed)
    }
}

/// What one request holds of a budget. All of it goes back when the last reference goes, if not before.
///
/// Usable from any thread. A count beside the memory itself: whoever allocates takes first, and gives back what was
/// too much.
public final class MemoryShare: Sendable {
    public let budget: MemoryBudget
    private let taken = Atomic<Int>(0)

    public init(of budget: MemoryBudget) {
        self.budget = budget
    }

    /// A share of no budget, for callers that are no request.
    public static var unlimited: MemoryShare { MemoryShare(of: .unlimited) }

    deinit {
        budget.giveBack(taken.load(ordering: .relaxed))
    }

    /// Bytes held.
    public var held: Int { taken.load(ordering: .relaxed) }

    /// Takes `bytes` more, all or nothing.
    ///
    /// - Parameter bytes: at least 0.
    /// - Parameter purpose: what they are for, as a refusal names it: "the request's content".
    public func take(_ bytes: Int, for purpose: @autoclosure () -> String) throws(MemoryRefusal) {
        guard bytes > 0 else { return }
        let (wanted, overflow) = held.addingReportingOverflow(bytes)
        let isSmall = !overflow && wanted <= MemoryBudget.smallShare
        let most = isSmall ? budget.limit : budget.limit - budget.reserve
        guard !overflow, wanted <= most else {
            throw MemoryRefusal(isTemporary: false, wanted: overflow ? .max : wanted, limit: most, purpose: purpose())
        }
        guard budget.take(bytes, isSmall: isSmall) else {
            throw MemoryRefusal(isTemporary: true, wanted: wanted, limit: most, purpose: purpose())
        }
        taken.add(bytes, ordering: .relaxed)
    }

    /// As `take`, where a size that is the product of counts may be too large for an `Int`.
    public func take(_ counts: Int..., each size: Int, for purpose: @autoclosure () -> String) throws(MemoryRefusal) {
        var bytes = size
        for count in counts {
            let (product, overflow) = bytes.multipliedReportingOverflow(by: count)
            bytes = overflow ? .max : product
            if overflow { break }
        }
        try take(bytes, for: purpose())
    }

    /// Holds exactly `bytes` from now on, be they there or not: for what exists already and cannot be refused any more,
    /// such as an answer that waits for a slow peer. Whoever takes next finds so much less.
    public func settle(at bytes: Int) {
        let bytes = max(0, bytes)
        let before = taken.exchange(bytes, ordering: .relaxed)
        if bytes > before {
            budget.overdraw(bytes - before)
        } else {
            budget.giveBack(before - bytes)
        }
    }

    /// Gives back `bytes` of what is held, at most all.
    public func giveBack(_ bytes: Int) {
        var current = held
        while true {
            let part = min(max(bytes, 0), current)
            let (exchanged, original) = taken.weakCompareExchange(
                expected: current, desired: current - part, ordering: .relaxed)
            if exchanged { return budget.giveBack(part) }
            current = original
        }
    }

    /// Gives back what is held above `bytes`.
    public func shrink(to bytes: Int) {
        giveBack(held - bytes)
    }
}

/// Memory that was not to be had.
public struct MemoryRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// It would be there if other requests were not under way; otherwise it never will be.
    public var isTemporary: Bool
    /// Bytes the request would hold in all.
    public var wanted: Int
    /// Bytes a request may hold at most.
    public var limit: Int
    /// What they are for.
    public var purpose: String

    public var description: String {
        let mebibytes = wanted == .max ? "more memory than can be counted" : "\(Self.mebibytes(wanted)) of memory"
        return isTemporary
            ? "\(purpose) needs \(mebibytes), and requests under way leave less than that; send it again later"
            : "\(purpose) needs \(mebibytes), and one request may use \(Self.mebibytes(limit)) at most; send less at once"
    }

    private static func mebibytes(_ bytes: Int) -> String {
        bytes < 1 << 20 ? "\(bytes) bytes" : "\(bytes >> 20) MiB"
    }
}
