import Wire

/// Moves bytes between a connection's transport and its state machine.
extension EventLoop {
    /// Serves a connection until nothing moves any more, or others must have a turn.
    func drive(_ peer: Peer) {
        peer.turn = TurnBounds()
        defer {
            countInput(of: peer)
            schedule(peer)
        }
        for _ in 0..<Self.readsPerTurn {
            pump(peer)
            guard !peer.isClosed, !peer.turn.isOver, peer.isReadable, peer.connection.wantsInput else { break }
            read(peer)
            guard !peer.isClosed else { return }
        }
        if !peer.turn.isOver { pump(peer) }
        guard !peer.isClosed else { return }
        if peer.turn.isOver {
            peer.connection.keepInputForLater()
            touch(peer)
        } else if peer.isReadable && peer.connection.wantsInput {
            touch(peer)
        }
    }

    /// Reads of one connection before the next has its turn: a fast upload must not hold up small requests.
    private static let readsPerTurn = 4

    private func read(_ peer: Peer) {
        let size = Self.readSize
        switch readBuffer.withUnsafeMutableBytes({ peer.transport.read(into: $0) }) {
        case .moved(let count):
            // A short read has emptied the socket (epoll(7)), unless its end is still to be read.
            if count < size && !peer.hasEnded { peer.isReadable = false }
            peer.connection.receive(readBuffer[0..<count], at: now)
        case .wouldBlock:
            peer.isReadable = false
        case .ended:
            peer.isReadable = false
            peer.connection.receiveEnd()
        case .failed:
            close(peer)
        }
    }

    /// Events, then bytes out, until neither moves.
    private func pump(_ peer: Peer) {
        repeat {
            takeStream(peer)
            while !peer.isClosed, peer.turn.events > 0, let event = peer.connection.next(at: now) {
                peer.turn.events -= 1
                handle(event, peer)
                takeStream(peer)
            }
        } while !peer.isClosed && flush(peer) && !peer.turn.isOver
    }

    /// Hands bytes to the kernel. True: some were taken.
    private func flush(_ peer: Peer) -> Bool {
        var moved = false
        while peer.isWritable, peer.turn.bytes > 0, !peer.connection.outgoing.isEmpty {
            switch peer.connection.outgoing.withBuffers({ ($0.reduce(0) { $0 + $1.count }, peer.transport.write($0)) })
            {
            case (let offered, .moved(let count)):
                moved = true
                peer.turn.bytes -= count
                peer.connection.sent(count, at: now)
                // A short write has filled the socket; an edge will tell when there is room.
                if count < offered { peer.isWritable = false }
            case (_, .wouldBlock):
                peer.isWritable = false
            case (_, .ended), (_, .failed):
                close(peer)
                return false
            }
        }
        watchTaking(peer)
        if moved || !peer.unsent.isEmpty { settle(peer) }
        return moved
    }

    /// After bytes went out: reports the answers that are out and lets their writers go on.
    private func settle(_ peer: Peer) {
        if !peer.unsent.isEmpty { refreshNow() }
        while let answer = peer.unsent.first, peer.connection.sentBytes >= answer.end {
            peer.unsent.removeFirst()
            report(answer.record, since: answer.started)
            answer.stream?.close(answer.record.isComplete ? .finished : .aborted)
        }
        peer.exchange?.stream?.drained(to: peer.connection.outgoing.count)
    }
}
