import CVectors
import Glibc
import Synchronization

/// Work over numbered units that may be cut anywhere between two units.
protocol DividedWork {
    func run(_ units: Range<Int>)
}

extension DividedWork {
    fileprivate static func run(at address: UnsafeRawPointer, _ units: Range<Int>) {
        address.assumingMemoryBound(to: Self.self).pointee.run(units)
    }
}

/// A few threads that help with the parts of one call's work, and sleep when none comes.
///
/// Parts are taken one by one by whoever is free, the caller first among them: a helper that the system does not let
/// run takes none, and costs nothing. A helper watches for the next call for a while before it sleeps, since the steps
/// of a recurrence follow each other closely.
final class ThreadTeam: Sendable {
    private let shared: Shared

    /// Outlives the team: helpers hold it until they have seen the end.
    private final class Shared: @unchecked Sendable {
        // @unchecked: `work`, `units` and `parts` are written by the one caller that holds `isBusy`, before the
        // releasing store of `offer`, and read only by a thread that has taken a part by an acquiring exchange of it;
        // the caller waits for all parts before it writes again. `sleep` and `wake` are locks themselves.
        let isBusy = Atomic<Bool>(false)
        /// Parts not yet taken, in the low half; the number of the call in the high half, so that a part of one call
        /// is never taken for one of the next.
        let offer = Atomic<UInt64>(0)
        let finished = Atomic<Int>(0)
        let sleepers = Atomic<Int>(0)
        let isEnding = Atomic<Bool>(false)
        var work: (type: any DividedWork.Type, address: UnsafeRawPointer)?
        var units = 0
        var parts = 0
        let sleep: UnsafeMutablePointer<pthread_mutex_t>
        let wake: UnsafeMutablePointer<pthread_cond_t>

        init() {
            sleep = .allocate(capacity: 1)
            wake = .allocate(capacity: 1)
            pthread_mutex_init(sleep, nil)
            pthread_cond_init(wake, nil)
        }

        deinit {
            pthread_cond_destroy(wake)
            pthread_mutex_destroy(sleep)
            wake.deallocate()
            sleep.deallocate()
        }

        /// Takes parts until none is left.
        func help() {
            var seen = offer.load(ordering: .relaxed)
            while ThreadTeam.partsLeft(seen) > 0 {
                let exchange = offer.compareExchange(
                    expected: seen, desired: seen - 1, successOrdering: .acquiring, failureOrdering: .relaxed)
                seen = exchange.original
                guard exchange.exchanged, let work else { continue }
                let part = ThreadTeam.partsLeft(seen) - 1
                work.type.run(at: work.address, units * part / parts..<units * (part + 1) / parts)
                finished.add(1, ordering: .releasing)
                seen = offer.load(ordering: .relaxed)
            }
        }
    }

    /// Looks at a shared number before a thread sleeps, with a pause after each: some fifty microseconds, about as long
    /// as waking it would take, where a pause is some 25 nanoseconds (AMD) or 40 (Intel since 2015).
    #if arch(x86_64)
    private static let patience = 2_000
    #else
    // The hint that Arm has in its place mostly takes no time.
    private static let patience = 50_000
    #endif

    /// Watches until `isOver`, or for as long as the patience lasts: whether it was over.
    @inline(__always)
    private static func watch(_ isOver: () -> Bool) -> Bool {
        for _ in 0..<patience {
            if isOver() { return true }
            vectors_pause()
        }
        return false
    }

    private static func partsLeft(_ offer: UInt64) -> Int { Int(offer & 0xffff_ffff) }

    init(helpers: Int) {
        shared = Shared()
        for index in 1...helpers {
            let argument = Unmanaged.passRetained(shared)
            var thread = pthread_t()
            let failure = pthread_create(&thread, nil, { ThreadTeam.serve($0) }, argument.toOpaque())
            precondition(failure == 0, "cannot start helper thread \(index) of \(helpers): error \(failure)")
            pthread_detach(thread)
        }
    }

    deinit {
        shared.isEnding.store(true, ordering: .sequentiallyConsistent)
        wakeSleepers()
    }

    /// Whether a call would be turned away: to look costs less than to try.
    @inline(__always)
    func refuses(isLarge: Bool) -> Bool {
        shared.isBusy.load(ordering: .relaxed) || !isLarge && shared.sleepers.load(ordering: .relaxed) > 0
    }

    /// Runs `work` in `parts` parts; false where the helpers serve another call at the moment, or sleep and the work is
    /// not `isLarge`, and nothing was done.
    func run<Work: DividedWork>(_ work: Work, units: Int, parts: Int, isLarge: Bool = true) -> Bool {
        if refuses(isLarge: isLarge) { return false }
        guard shared.isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return false
        }
        withUnsafePointer(to: work) { address in
            shared.work = (Work.self, UnsafeRawPointer(address))
            shared.units = units
            shared.parts = parts
            shared.finished.store(0, ordering: .relaxed)
            let call = (shared.offer.load(ordering: .relaxed) >> 32) &+ 1
            shared.offer.store(call << 32 | UInt64(parts), ordering: .sequentiallyConsistent)
            wakeSleepers()
            shared.help()
            if !Self.watch({ shared.finished.load(ordering: .acquiring) == parts }) {
                while shared.finished.load(ordering: .acquiring) < parts { sched_yield() }
            }
        }
        shared.isBusy.store(false, ordering: .releasing)
        return true
    }

    /// A helper that counts itself a sleeper looks once more before it sleeps, and a caller looks for sleepers after
    /// its offer stands, all in sequential order: one of the two notices the other.
    private func wakeSleepers() {
        if shared.sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(shared.sleep)
            pthread_cond_broadcast(shared.wake)
            pthread_mutex_unlock(shared.sleep)
        }
    }

    private static func serve(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        let shared = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
        while true {
            waitForParts(shared)
            if shared.isEnding.load(ordering: .sequentiallyConsistent) { return nil }
            shared.help()
        }
    }

    /// Returns when there are parts to take, or the team ends.
    private static func waitForParts(_ shared: Shared) {
        if watch({ partsLeft(shared.offer.load(ordering: .relaxed)) > 0 }) { return }
        pthread_mutex_lock(shared.sleep)
        shared.sleepers.add(1, ordering: .sequentiallyConsistent)
        while partsLeft(shared.offer.load(ordering: .sequentiallyConsistent)) == 0,
            !shared.isEnding.load(ordering: .sequentiallyConsistent)
        {
            pthread_cond_wait(shared.wake, shared.sleep)
        }
        shared.sleepers.subtract(1, ordering: .relaxed)
        pthread_mutex_unlock(shared.sleep)
    }
}
