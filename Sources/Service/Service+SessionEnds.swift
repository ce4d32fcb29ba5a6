import Foundation
import Store

/// Ends of sessions that their clients did not ask for.
extension Service {
    func expireSessions() {
        let ended = sessions.withLock { $0.expire(at: steady()) }
        count(ended.count, endedBy: .idleTimeout)
        if !ended.isEmpty {
            logger.debug("sessions expired", metadata: ["count": "\(ended.count)"])
        }
        // A lease that ended while every worker is dead shows its job as queued, not as running for ever.
        do {
            if try store.settleLeases(at: now()) > 0 { supervisor.hint() }
        } catch {
            logger.error("leases could not be settled", metadata: ["error": "\(error)"])
        }
    }

    /// Refuses, or with `force` ends, the sessions that use a version (nil: any version of the name).
    func endSessions(using name: String, version: Int?, force: Bool) throws {
        let using = sessions.withLock { table in
            table.entries.values.filter { entry in
                let used = entry.session.loaded.version
                return used.model == name && (version == nil || used.version == version)
            }
        }
        guard !using.isEmpty else { return }
        guard force else {
            let ids = using.prefix(5).map { "\"\($0.session.id)\"" }.joined(separator: ", ")
            throw ServiceError(
                .conflict,
                "\(using.count) live sessions use it (\(ids)\(using.count > 5 ? ", …" : "")); close them, or add force=true"
            )
        }
        sessions.withLock { table in
            for entry in using where table.entries[entry.session.id]?.session === entry.session {
                table.end(entry.session.id, cause: .modelUnloaded, at: steady())
            }
        }
        count(using.count, endedBy: .modelUnloaded)
    }

    private static let ended = Metrics.Family(
        .counter, "timestep_sessions_ended_total", "Sessions that ended by themselves.", labels: ["cause"])

    func count(_ number: Int, endedBy cause: ExpiredSession.Cause) {
        if number > 0 { metrics.add(Double(number), to: Self.ended, [cause.rawValue]) }
    }
}
