import Resources
import Wire

/// Connections whose time is over, and when a peer counts as gone that has ended its side of the connection and says
/// nothing more.
extension EventLoop {
    /// Notes when a connection is due, after it may have moved. One that moves on to a later time is looked at when the
    /// earlier one comes.
    func schedule(_ peer: Peer) {
        guard !peer.isClosed else { return }
        var next = peer.connection.deadline
        if let patience = peer.exchange?.patienceEnds { next = next.map { min($0, patience) } ?? patience }
        guard let next, peer.due.map({ next < $0 }) ?? true else { return }
        peer.due = next
        deadlines.add(peer.token, due: next)
    }

    /// Looks at the connections that are due, `timerResolution` apart. What is found is dealt with in this turn and those
    /// that follow, so that thousands who leave together hold up nobody.
    func sweep() {
        if let due = nextSweep, now >= due, overdue.isEmpty {
            lastSweep = now
            while let (token, due) = deadlines.popDue(at: now) {
                guard let peer = peer(token), peer.due == due else { continue }
                peer.due = nil
                if isImpatient(peer) || isLate(peer) {
                    overdue.append(peer, of: peer.client)
                } else {
                    schedule(peer)
                }
            }
            deadlines.keep(living: openCount) { token, due in peer(token)?.due == due }
        }
        guard !overdue.isEmpty else { return }
        refreshNow()
        let end = now + Self.timeForOverdue
        repeat {
            for peer in overdue.take(Self.overdueAtOnce) where !peer.isClosed {
                // Looked at again: it may have moved since.
                if isImpatient(peer) { loseInterest(peer) }
                guard !peer.isClosed else { continue }
                if isLate(peer) {
                    peer.connection.expire(at: now)
                    touch(peer)
                }
                schedule(peer)
            }
            refreshNow()
        } while !overdue.isEmpty && now < end
    }

    /// When to look next; nil while nothing is due.
    var nextSweep: Moment? {
        deadlines.earliest.map { due in
            lastSweep.map { max(due, $0 + context.configuration.timerResolution) } ?? due
        }
    }

    /// Of one turn: for some fifty whose work is cancelled and told in the log.
    private static let timeForOverdue: Duration = .milliseconds(2)

    /// Dealt with between two looks at the clock.
    private static let overdueAtOnce = 8

    private func isImpatient(_ peer: Peer) -> Bool {
        peer.exchange?.patienceEnds.map { now >= $0 } ?? false
    }

    private func isLate(_ peer: Peer) -> Bool {
        peer.connection.deadline.map { now >= $0 } ?? false
    }

    /// How long a peer waits for an answer after it has ended its sending side. Such an end is what both a client looks
    /// like that has nothing more to ask, and one that was closed or killed: TCP tells the two apart only once the
    /// server writes. Most answers are there by then; an answer that takes longer is work for nobody, most of the time.
    /// Where few places for connections are left, they are for those who are there.
    var grace: Duration { context.places.areFew ? Self.shortGrace : Self.longGrace }

    private static let longGrace: Duration = .milliseconds(500)
    private static let shortGrace: Duration = .milliseconds(50)

    /// The peer's patience is over by all appearances: whoever works for it is told. Work that goes on all the same
    /// still answers. An endless stream that has nothing under way is closed; an answer that has begun and comes to an end
    /// is sent whole.
    func loseInterest(_ peer: Peer) {
        guard let exchange = peer.exchange else { return }
        exchange.patienceEnds = nil
        if let stream = exchange.stream, !stream.isEndless { return }
        exchange.request?.cancellation.cancel()
        guard peer.exchange === exchange, exchange.stream != nil, peer.connection.outgoing.isEmpty else { return }
        close(peer)
    }
}
