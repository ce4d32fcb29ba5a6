import Glibc
import Logging
import Resources
import Synchronization
import Wire

/// One thread, one readiness queue, and the connections it alone touches. It never blocks but in `Readiness.wait`.
///
///     turn: wait → note what is ready → letters from other threads → accept → drive connections that moved → deadlines
///
/// Where many have moved, some of them are driven in each turn, a fair part of each client.
///
// @unchecked: everything but `mail` and `thread` is confined to the loop's thread; other threads reach it by letters.
// Ends when isolation to a custom executor costs no hop per call.
final class EventLoop: @unchecked Sendable {
    typealias Letter = @Sendable (EventLoop) -> Void

    private struct Mail {
        var letters: [Letter] = []
        /// The loop waits or is about to: a new letter must wake it.
        var isAsleep = false
        /// The loop has ended: letters are dropped.
        var isClosed = false
    }

    let context: ServerContext
    private let readiness: any Readiness
    private let clock: @Sendable () -> Moment
    private let mail = Monitor(Mail())
    private let thread = Atomic<UInt>(0)

    /// A connection's token is its slot's number and generation, so that a late event or letter for a closed connection
    /// never reaches the next one in its slot.
    private(set) var slots: [Peer?] = []
    private var generations: [UInt32] = []
    private var freeSlots: [Int] = []
    private var waiting = FairQueue<Peer>()
    /// Of connections, by their tokens.
    var deadlines = Deadlines<UInt64, Moment>()
    var lastSweep: Moment?
    /// Found by the last sweep: their time or their patience is over.
    var overdue = FairQueue<Peer>()
    private var isEnding = false
    private var whenEmpty: (@Sendable () -> Void)?

    var now: Moment
    var ids = RequestIDs()
    var serial: UInt64 = 0
    var dateLine = DateLine()
    var isStopping = false
    var acceptor: Acceptor?
    /// One read's worth, shared by all connections of the loop: what is kept of it is copied out.
    var readBuffer = [UInt8](repeating: 0, count: EventLoop.readSize)

    /// The largest single read: large enough that an upload costs few system calls.
    static let readSize = 65_536

    init(context: ServerContext, readiness: any Readiness, clock: @escaping @Sendable () -> Moment = Clock.now) {
        self.context = context
        self.readiness = readiness
        self.clock = clock
        now = clock()
    }

    /// Whether the caller stands on the loop's thread.
    var isCurrent: Bool {
        thread.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Turns until `end`.
    func run() {
        adoptThread()
        while !isEnding { turn(waitingAtMost: nil) }
        let dropped = mail.withLock { mail in
            mail.isClosed = true
            let letters = mail.letters
            mail.letters = []
            return letters
        }
        // Letters may hold the last reference to an answer, whose end writes a letter: outside the lock.
        _ = dropped
    }

    /// The calling thread is the loop's from now on.
    func adoptThread() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
    }

    /// One round; `waitingAtMost` shortens the wait, for tests.
    func turn(waitingAtMost longest: Duration?) {
        let isIdle = waiting.isEmpty && overdue.isEmpty
        let letters = takeLetters(goingToSleep: isIdle)
        let wait = letters.isEmpty && isIdle ? sleepTime(longest) : .zero
        readiness.wait(atMost: wait) { event in note(event) }
        now = clock()
        deliver(letters)
        deliver(takeLetters(goingToSleep: false))
        acceptor?.acceptWaiting(self)
        driveSome()
        sweep()
        if isStopping, openCount == 0, let action = whenEmpty {
            whenEmpty = nil
            action()
        }
    }

    /// Drives those that wait, as many as there is time for. The others have their turns in the turns of the loop that
    /// follow, and what comes meanwhile of another client is among the first of them then.
    private func driveSome() {
        let end = clock() + Self.timeToDrive
        var left = waiting.count
        repeat {
            for peer in waiting.take(min(left, Self.drivenAtOnce)) {
                peer.isQueued = false
                drive(peer)
            }
            left -= Self.drivenAtOnce
        } while left > 0 && clock() < end
    }

    /// Of one turn: enough for two hundred small requests, so that a turn that also accepts and lets go of many is well
    /// below what anybody notices.
    private static let timeToDrive: Duration = .milliseconds(4)

    /// Driven between two looks at the clock. Each takes half a millisecond at the most, see `TurnBounds`.
    private static let drivenAtOnce = 8

    /// Leaves a letter, which runs on the loop at its next turn. From any thread. False: the loop has ended.
    @discardableResult
    func post(_ letter: @escaping Letter) -> Bool {
        let (isTaken, mustWake) = mail.withLock { mail in
            guard !mail.isClosed else { return (false, false) }
            mail.letters.append(letter)
            let mustWake = mail.isAsleep
            mail.isAsleep = false
            return (true, mustWake)
        }
        if mustWake { readiness.wake() }
        return isTaken
    }

    /// Runs at once on the loop's own thread, by letter from any other.
    func perform(_ action: @escaping Letter) {
        if isCurrent { action(self) } else { post(action) }
    }

    /// Deals out what waits to be accepted, and accepts no more.
    func stopAccepting() {
        acceptor?.acceptWaiting(self)
        acceptor?.close(readiness)
        acceptor = nil
    }

    /// Begins to stop; `whenEmpty` is called once the last connection is closed.
    func beginStopping(whenEmpty action: @escaping @Sendable () -> Void) {
        isStopping = true
        whenEmpty = action
        for peer in slots.compactMap({ $0 }) {
            peer.connection.stop()
            // A request may have arrived that no event has told of yet: a look decides between serving and closing.
            peer.isReadable = true
            peer.exchange?.stream?.serverStops()
            touch(peer)
        }
    }

    /// Closes what is left and ends `run`. Gives the number of requests cut.
    func end() -> Int {
        var cut = 0
        for peer in slots.compactMap({ $0 }) {
            if peer.exchange != nil || !peer.unsent.isEmpty { cut += 1 }
            close(peer)
        }
        isEnding = true
        return cut
    }

    var openCount: Int { slots.count - freeSlots.count }

    // MARK: Connections

    /// Takes a new connection over.
    func adopt(_ transport: any Transport, address: String, of client: ClientKey) {
        let slot = freeSlots.popLast() ?? slots.count
        if slot == slots.count {
            slots.append(nil)
            generations.append(0)
        }
        let token = UInt64(generations[slot]) << 32 | UInt64(slot)
        let configuration = context.configuration
        var connection = Connection(limits: configuration.limits, timeouts: configuration.timeouts, at: now)
        if isStopping { connection.stop() }
        let peer = Peer(transport: transport, connection: connection, token: token, address: address, client: client)
        slots[slot] = peer
        guard readiness.watch(transport.descriptor, token: token) else {
            context.logger.warning("a connection could not be watched", metadata: ["peer": "\(address)"])
            return close(peer)
        }
        touch(peer)
    }

    /// The connection of a token; nil where it is closed.
    func peer(_ token: UInt64) -> Peer? {
        let slot = Int(token & 0xFFFF_FFFF)
        guard slot < slots.count, generations[slot] == UInt32(token >> 32) else { return nil }
        return slots[slot]
    }

    /// The time has moved within this turn: a request answered on the loop took some.
    func refreshNow() {
        now = clock()
    }

    /// Gives a connection its turn, in this turn of the loop or a later one.
    func touch(_ peer: Peer) {
        guard !peer.isQueued, !peer.isClosed else { return }
        peer.isQueued = true
        waiting.append(peer, of: peer.client)
    }

    /// Closes a connection and tells whoever waits on it.
    func close(_ peer: Peer) {
        guard !peer.isClosed else { return }
        peer.isClosed = true
        readiness.unwatch(peer.transport.descriptor)
        peer.transport.close()
        let slot = Int(peer.token & 0xFFFF_FFFF)
        slots[slot] = nil
        generations[slot] &+= 1
        freeSlots.append(slot)
        context.places.leave(peer.client)
        if openCount == 0 { deadlines = Deadlines() }
        abandonRequests(of: peer)
    }

    private func note(_ event: ReadyEvent) {
        if let acceptor, acceptor.owns(event.token) {
            acceptor.isReady = true
            return
        }
        guard let peer = peer(event.token) else { return }
        if event.isReadable { peer.isReadable = true }
        if event.isWritable { peer.isWritable = true }
        if event.peerFinished {
            peer.hasEnded = true
            // `now` is still that of the turn before, which may be long ago.
            peer.exchange?.patienceEnds = clock() + grace
        }
        let isLeft = event.peerFinished && peer.exchange?.stream?.isEndless == true
        if event.isBroken && !peer.connection.wantsInput || isLeft {
            // Nobody reads there any more. (A peer that has ended its requests may wait for an answer, but not for an
            // endless one: that is what a client looks like that was interrupted. One that is gone for good is found
            // by the next write, or by its pace.)
            close(peer)
        } else {
            touch(peer)
        }
    }

    private func takeLetters(goingToSleep: Bool) -> [Letter] {
        mail.withLock { mail in
            guard !mail.letters.isEmpty else {
                mail.isAsleep = goingToSleep
                return []
            }
            mail.isAsleep = false
            let letters = mail.letters
            mail.letters = []
            return letters
        }
    }

    private func deliver(_ letters: [Letter]) {
        for letter in letters { letter(self) }
    }

    private func sleepTime(_ longest: Duration?) -> Duration? {
        var earliest = nextSweep
        if let acceptor, acceptor.isReady, acceptor.retryAt == nil { return .zero }
        if let retry = acceptor?.retryAt { earliest = min(earliest ?? retry, retry) }
        let time = earliest.map { max(.zero, $0 - clock()) }
        guard let longest else { return time }
        return min(time ?? longest, longest)
    }
}
