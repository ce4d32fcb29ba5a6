import Wire

/// Room for new connections where all are in use.
extension EventLoop {
    /// Closes up to `count` connections for which nobody works: those that have waited longest without a request, and
    /// contents that come so slowly that they only hold a place. Linear in open connections.
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

    /// A client that comes back sooner than this loses more by a new connection than another gains.
    private static let leastWait: Duration = .seconds(5)

    /// Bytes a second. A modem brings more; the pace that is demanded where there is room is far below.
    private static let leastPace = 2_048
}
