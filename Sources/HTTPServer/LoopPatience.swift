import Resources
import Wire

/// When a peer counts as gone that has ended its side of the connection and says nothing more.
extension EventLoop {
    /// How long a peer waits for an answer after it has ended its sending side. Such an end is what both a client looks
    /// like that has nothing more to ask, and one that was closed or killed: TCP tells the two apart only once the
    /// server writes. Most answers are there by then; an answer that takes longer is work for nobody, most of the time.
    static let grace: Duration = .milliseconds(500)

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
