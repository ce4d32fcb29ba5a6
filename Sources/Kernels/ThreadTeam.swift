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

/// A few threads that wait for parts of one call's work, and sleep when none comes.
///
/// A helper watches for the next call for some microseconds before it sleeps, since the steps of a recurrence follow
/// each other closely; the caller does a part itself and watches likewise for the rest.
final class ThreadTeam: Sendable {
    private let shared: Shared

    /// Outlives the team: helpers hold it until they have seen the end.
    private final class Shared: @unchecked Sendable {
        // @unchecked: `work`, `units` and `parts` are written by the one caller that holds `isBusy`, before the
        // releasing store of `generation`, and read by helpers after the acquiring load of it; the caller waits for all
        // helpers before it writes again. `sleep` and `wake` are locks themselves.
        let isBusy = Atomic<Bool>(false)
        let generation = Atomic<Int>(0)
        let remaining = Atomic<Int>(0)
        let sleepers = Atomic<Int>(0)
        let isEnding = Atomic<Bool>(false)
        var work: (type: any DividedWork.Type, address: UnsafeRawPointer)?
        var units = 0
        var parts = 0
        let helpers: Int
        let sleep: UnsafeMutablePointer<pthread_mutex_t>
        let wake: UnsafeMutablePointer<pthread_cond_t>

        init(helpers: Int) {
            self.helpers = helpers
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

        /// Does part `index` of the present work, if there are that many.
        func perform(part index: Int) {
            guard index < parts, let work else { return }
            work.type.run(at: work.address, units * index / parts..<units * (index + 1) / parts)
        }
    }

    private final class Seat {
        let shared: Shared
        let index: Int
        init(shared: Shared, index: Int) {
            self.shared = shared
            self.index = index
        }
    }

    /// Looks at a shared number before a thread sleeps: some ten microseconds, as long as waking it would take.
    private static let patience = 20_000

    init(helpers: Int) {
        shared = Shared(helpers: helpers)
        for index in 1...helpers {
            let seat = Unmanaged.passRetained(Seat(shared: shared, index: index))
            var thread = pthread_t()
            let failure = pthread_create(&thread, nil, { ThreadTeam.serve($0) }, seat.toOpaque())
            precondition(failure == 0, "cannot start helper thread \(index) of \(helpers): error \(failure)")
            pthread_detach(thread)
        }
    }

    deinit {
        shared.isEnding.store(true, ordering: .relaxed)
        announce()
    }

    /// Runs `work` in `parts` parts; false where the helpers serve another call at the moment, and nothing was done.
    func run<Work: DividedWork>(_ work: Work, units: Int, parts: Int) -> Bool {
        guard shared.isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            return false
        }
        withUnsafePointer(to: work) { address in
            shared.work = (Work.self, UnsafeRawPointer(address))
            shared.units = units
            shared.parts = parts
            shared.remaining.store(shared.helpers, ordering: .relaxed)
            announce()
            shared.perform(part: 0)
            var looks = 0
            while shared.remaining.load(ordering: .acquiring) > 0 {
                looks += 1
                if looks > Self.patience { sched_yield() }
            }
        }
        shared.work = nil
        shared.isBusy.store(false, ordering: .releasing)
        return true
    }

    /// Lets every helper see a new generation. A helper that counts itself a sleeper looks at the generation once more
    /// before it sleeps, both in sequential order, so one of the two sides notices the other.
    private func announce() {
        shared.generation.add(1, ordering: .sequentiallyConsistent)
        if shared.sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            pthread_mutex_lock(shared.sleep)
            pthread_cond_broadcast(shared.wake)
            pthread_mutex_unlock(shared.sleep)
        }
    }

    private static func serve(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
        guard let argument else { return nil }
        let seat = Unmanaged<Seat>.fromOpaque(argument).takeRetainedValue()
        let shared = seat.shared
        var seen = 0
        while true {
            seen = next(after: seen, shared)
            if shared.isEnding.load(ordering: .relaxed) { return nil }
            shared.perform(part: seat.index)
            shared.remaining.subtract(1, ordering: .releasing)
        }
    }

    /// Waits until the generation differs from `seen`, and answers it.
    private static func next(after seen: Int, _ shared: Shared) -> Int {
        for _ in 0..<patience {
            let generation = shared.generation.load(ordering: .acquiring)
            if generation != seen { return generation }
        }
        pthread_mutex_lock(shared.sleep)
        defer { pthread_mutex_unlock(shared.sleep) }
        shared.sleepers.add(1, ordering: .sequentiallyConsistent)
        defer { shared.sleepers.subtract(1, ordering: .relaxed) }
        while true {
            let generation = shared.generation.load(ordering: .sequentiallyConsistent)
            if generation != seen { return generation }
            pthread_cond_wait(shared.wake, shared.sleep)
        }
    }
}
