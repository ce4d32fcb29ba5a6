import Foundation
import Synchronization
import Testing

@testable import Store

/// A machine whose boot and clock a test moves by hand.
private final class Machine: Sendable {
    let seconds = Mutex(100)
    let boot = Mutex("first")

    func options() -> Store.Options {
        var options = Store.Options()
        options.leaseClock = LeaseClock(boot: boot.withLock { $0 }) { [self] in
            Int64(seconds.withLock { $0 }) * 1_000_000
        }
        return options
    }

    func sleep(_ count: Int) { seconds.withLock { $0 += count } }
}

@Test("setting the time of day ends no lease and prolongs none: leases run on the machine's own clock")
func setClock() throws {
    let (folder, machine) = (StoreFolder(), Machine())
    let store = try folder.open(.server, machine.options())
    let worker = try folder.open(.worker, machine.options(), at: .start + 7_200)
    let job = try store.addJob()
    #expect(try worker.claim(worker: "a", lease: .seconds(10), at: .start) != nil)
    // Two hours forward, by one process's view and then by the other's.
    #expect(try store.settleLeases(at: .start + 7_200) == 0)
    #expect(try worker.claim(worker: "b", lease: .seconds(10), at: .start + 7_200) == nil)
    machine.sleep(9)
    #expect(try worker.renew(job.id, attempt: 1, lease: .seconds(10), at: .start - 7_200) == .keep)
    #expect(try store.settleLeases(at: .start) == 0)
    machine.sleep(9)
    #expect(try store.settleLeases(at: .start) == 0)
    // Two hours back: the lease ends all the same.
    machine.sleep(1)
    #expect(try store.settleLeases(at: .start - 7_200) == 1)
    #expect(try store.job(job.id).status == .queued)
}

@Test("whoever was stopped itself judges no lease before the holders had the length of one to renew theirs")
func stoppedJudge() throws {
    let (folder, machine) = (StoreFolder(), Machine())
    let store = try folder.open(.server, machine.options())
    let worker = try folder.open(.worker, machine.options())
    let job = try store.addRunningJob()
    #expect(try worker.claim(worker: "b", lease: .seconds(10), at: .start) == nil)
    // All of them stand still, as in a container that is paused.
    machine.sleep(1_000)
    #expect(try worker.claim(worker: "b", lease: .seconds(10), at: .start) == nil)
    #expect(try store.settleLeases(at: .start) == 0)
    // A wish waits for the holder, too.
    #expect(try store.pause(job.id, at: .start).status == .running)
    try store.resume(job.id, at: .start)
    #expect(try worker.renew(job.id, attempt: 1, lease: .seconds(10), at: .start) == .keep)
    // The holder dies now: it is noticed, later than it would be otherwise.
    for _ in 1...2 {
        machine.sleep(14)
        #expect(try store.settleLeases(at: .start) == 0)
    }
    machine.sleep(2)
    #expect(try store.settleLeases(at: .start) == 1)
}

@Test("no lease outlives the boot of the machine that it was given in, however the clock stands afterwards")
func anotherBoot() throws {
    for later in [-1_000_000_000, 5] {
        let (folder, machine) = (StoreFolder(), Machine())
        let job: Job
        do {
            let store = try folder.open(.server, machine.options())
            job = try store.addJob()
            _ = try store.claim(worker: "a", lease: .seconds(1_000), at: .start)
            try store.close()
        }
        // A restart of the server alone changes nothing.
        do {
            let store = try folder.open(.server, machine.options(), at: .start + 5)
            #expect(try store.settleLeases(at: .start + 5) == 0)
            try store.close()
        }
        machine.boot.withLock { $0 = "second" }
        machine.seconds.withLock { $0 = 3 }
        let store = try folder.open(.server, machine.options(), at: .start + later)
        #expect(try store.settleLeases(at: .start + later) == 1)
        #expect(try store.job(job.id).status == .queued)
    }
}

@Test("a boot of the machine is no loss of the job's: however many there are it waits on, and its events say why")
func manyBoots() throws {
    let (folder, machine) = (StoreFolder(), Machine())
    var store = try folder.open(.server, machine.options())
    let job = try store.addJob()
    for boot in 1...4 {
        #expect(try store.claim(worker: "a", lease: .seconds(1_000), at: .start)?.attempt == boot)
        try store.close()
        machine.boot.withLock { $0 = "boot \(boot)" }
        store = try folder.open(.server, machine.options())
        #expect(try store.settleLeases(at: .start) == 1)
        #expect(try store.job(job.id).status == .queued)
    }
    let reasons = try store.events(of: job.id, limit: 99).items.compactMap(\.payload)
    #expect(reasons.count == 4 && reasons.allSatisfy { $0.contains("the machine was started again") })
}

@Test("the machine's clock has a name for its boot and goes forward")
func systemClock() throws {
    let clock = try #require(LeaseClock.system())
    #expect(clock.boot == LeaseClock.system()?.boot && clock.boot.count > 8)
    let first = clock.now()
    #expect(first > 0 && clock.now() >= first)
}
