import Foundation
import GRDB
import Glibc

/// The clock that leases are reckoned by: the machine's own since its boot, which nobody sets. It stands still while the
/// machine sleeps, as the holders do.
///
/// The time of day may be set by hours while a job runs; a lease that was judged by it would end, or never end. Leases
/// are stored as times of day all the same: the time since boot and an offset that all processes of one boot share (a
/// row of the database). After another boot there is another offset, and no lease: no holder outlives its boot.
public struct LeaseClock: Sendable {
    /// Names the boot.
    public var boot: String
    /// Microseconds since the boot, but for the time in which the machine slept.
    public var now: @Sendable () -> Int64

    public init(boot: String, now: @escaping @Sendable () -> Int64) {
        self.boot = boot
        self.now = now
    }

    /// The machine's; nil where it does not name its boot, and leases go by the time of day.
    public static func system() -> LeaseClock? {
        guard let bytes = try? SystemFiles().readUnsized("/proc/sys/kernel/random/boot_id") else { return nil }
        let boot = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
        guard !boot.isEmpty else { return nil }
        return LeaseClock(boot: boot) {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
        }
    }
}

extension SystemFiles {
    /// A file that says 0 for its length, as those of the kernel do.
    func readUnsized(_ path: String) throws(StoreError) -> [UInt8] {
        var bytes: [UInt8] = []
        try scan(path) { bytes += $0 }
        return bytes
    }
}

extension DatabaseFile {
    /// What the clock lacks to the time of day, for all processes of this boot: the first one decides.
    func offset(of clock: LeaseClock, at now: Date) throws(StoreError) -> Int64 {
        let known = try read { db in try Self.offset(of: clock, db) }
        if let known { return known }
        // One transaction: of processes that open together one decides, and leases of the last boot end with it.
        return try write { db in
            if let known = try Self.offset(of: clock, db) { return known }
            let offset = now.microseconds - clock.now()
            let before = try String.fetchOne(db, sql: "SELECT boot FROM folder") ?? ""
            try db.execute(
                sql: "UPDATE folder SET boot = ?, clock_offset = ?", arguments: [clock.boot, offset])
            if !before.isEmpty {
                try db.execute(
                    sql: "UPDATE jobs SET lease_until = ? WHERE status = 'running'", arguments: [Store.endedWithBoot])
            }
            return offset
        }
    }

    private static func offset(of clock: LeaseClock, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(db, sql: "SELECT clock_offset FROM folder WHERE boot = ?", arguments: [clock.boot])
    }
}

extension Store {
    /// The moment that leases are held against, where it is `now` by the time of day.
    func leaseTime(_ now: Date) -> Date {
        guard let clock = options.leaseClock else { return now }
        return Date(microseconds: clock.now() + leaseOffset)
    }

    /// The moment that decides which leases have ended. Whoever was away itself learns of none but those of an earlier
    /// boot for the length of a lease: what stopped it may have stopped the holders too, and they are to have their say.
    func judgementTime(_ now: Date) -> Date {
        guard let clock = options.leaseClock else { return now }
        let time = clock.now()
        let mayJudge = attendance.withLock { $0.note(time, lease: Int64(options.lease.seconds * 1e6)) }
        return Date(microseconds: mayJudge ? time + leaseOffset : Self.endedWithBoot)
    }

    /// Says that this process is there, which whoever renews a lease is.
    func noteAttendance() {
        guard let clock = options.leaseClock else { return }
        attendance.withLock { _ = $0.note(clock.now(), lease: Int64(options.lease.seconds * 1e6)) }
    }
}

/// Whether a process has been looking all the time, or was stopped in between: by a signal, or with the whole container
/// it runs in.
struct Attendance {
    private var last: Int64?
    private var judgesFrom = Int64.min

    /// Looks come every second or so where nobody is in the way: the shortest time that is an absence.
    private static let shortestAbsence: Int64 = 3_000_000

    /// Notes a look, and says whether leases may be judged by it. None for half a lease is an absence. All in
    /// microseconds.
    mutating func note(_ now: Int64, lease: Int64) -> Bool {
        if let last, now - last > max(lease / 2, Self.shortestAbsence) { judgesFrom = now + lease }
        last = now
        return now >= judgesFrom
    }
}
