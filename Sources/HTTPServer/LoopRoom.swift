import Wire

/// Room for new connections where all are in use.
extension EventLoop {
    /// Closes up to `count` connections for which nobody works: those that have waited longest without a request, and
    /// contents that come and answers that are taken so slowly that they only hold a place. Linear in open connections.
    func makeRoom(for count: Int) {
        var candidates: [(since: Moment, peer: Peer)] = []
        for peer in slots {
            guard let peer, let since = dispensableSince(peer) else { continue }
            candidates.append((since, peer))
        }
        candidates.sort { $0.since < $1.since }
        for (_, peer) in candidates.prefix(count) {
            context.application.refusedConnection(.displaced)
            close(peer)
        }
    }

    /// Since when a connection has been of no use to anybody; nil where it is.
    private func dispensableSince(_ peer: Peer) -> Moment? {
        if let since = untakenSince(peer) { return since }
        guard let exchange = peer.exchange else {
            guard peer.unsent.isEmpty, let since = peer.connection.waitingSince, now - since >= Self.leastWait else {
                return nil
            }
            return since
        }
        guard exchange.isCollecting || exchange.reader != nil, exchange.stream == nil else { return nil }
        let age = now - exchange.started
        let seconds = Int(age.components.seconds)
        guard age >= Self.leastWait * 2, peer.connection.receivedContent < seconds * Self.leastPace else { return nil }
        return exchange.started
    }

    /// Since when the peer of an answer under way has hardly taken any of it; nil where it takes it.
    private func untakenSince(_ peer: Peer) -> Moment? {
        guard let taking = peer.taking else { return nil }
        let age = now - taking.since
        let taken = takenBytes(peer)
        // Looked at before the time is up too: what a buffer far away still took at first is no sign of a reader.
        guard taken - taking.bytes < max(Self.leastTaken, Int(age.components.seconds) * Self.leastPace) else {
            peer.taking = Taking(since: now, bytes: taken)
            return nil
        }
        return age >= Self.leastWait * 2 ? taking.since : nil
    }

    /// Notes when a socket is full, and again whenever its peer has taken enough for the time until it may count as slow:
    /// so a peer that stops is found out however much it has taken before.
    func watchTaking(_ peer: Peer) {
        guard !peer.connection.outgoing.isEmpty else {
            peer.taking = nil
            return
        }
        guard !peer.isWritable else { return }
        let taken = takenBytes(peer)
        if let taking = peer.taking, taken - taking.bytes < Self.leastTaken { return }
        peer.taking = Taking(since: now, bytes: taken)
    }

    /// What the kernel has taken says little: it takes a megabyte for a peer that reads nothing, and tells of room only
    /// once a third of that is gone.
    private func takenBytes(_ peer: Peer) -> Int {
        peer.connection.sentBytes - peer.transport.untaken
    }

    /// A client that comes back sooner than this loses more by a new connection than another gains.
    private static let leastWait: Duration = .seconds(5)

    /// Bytes a second. A modem brings more; the pace that is demanded where there is room is far below.
    private static let leastPace = 2_048

    /// What that pace gives in the time after which a peer may count as slow.
    private static let leastTaken = leastPace * 10
}
