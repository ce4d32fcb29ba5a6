import Resources
import Wire

/// One connection as its loop holds it: the value that decides, the transport that moves bytes, and what is being served.
/// Touched by its loop's thread alone.
final class Peer {
    let transport: any Transport
    var connection: Connection
    let token: UInt64
    let address: String
    /// Among whose connections it has its turns.
    let client: ClientKey

    /// Reading may give something: remembered from the last edge until a read says otherwise.
    var isReadable = true
    /// Writing may take something.
    var isWritable = true
    /// The peer's end of data has been announced: it must be read for, since no further edge will tell.
    var hasEnded = false
    /// Waits in the loop's list for its turn.
    var isQueued = false
    var isClosed = false

    /// When it is looked at for its deadlines: its entry among those of the loop.
    var due: Moment?

    /// How the peer takes what waits for it; nil while nothing waits, or its socket still has room.
    var taking: Taking?

    /// What is left of the present turn.
    var turn = TurnBounds()
    /// Counts what is kept of its input, where that is worth counting.
    var inputMemory: MemoryShare?

    /// The request being served; nil between requests.
    var exchange: Exchange?
    /// Answers that are complete and not yet out, in order.
    var unsent: [UnsentAnswer] = []

    init(transport: any Transport, connection: Connection, token: UInt64, address: String, client: ClientKey) {
        self.transport = transport
        self.connection = connection
        self.token = token
        self.address = address
        self.client = client
    }
}

/// What a peer takes of an answer that fills its socket.
struct Taking {
    /// A moment at which it had taken so many bytes.
    var since: Moment
    var bytes: Int
}

/// What one connection may do before the next has its turn, so that a peer that pipelines fast, or takes a large answer
/// fast, holds up nobody.
struct TurnBounds {
    /// Requests and pieces of content: some hundred microseconds of small answers.
    var events = 64
    /// Handed to the kernel: some hundred microseconds of copying.
    var bytes = 1 << 20

    var isOver: Bool { events <= 0 || bytes <= 0 }
}

/// A request being served. Touched by its loop's thread alone.
final class Exchange {
    /// Distinguishes this request from later ones of the same connection.
    let serial: UInt64
    let id: String
    /// Nil for what was refused before its head could be read.
    var request: Request?
    let started: Moment
    /// In the endpoint table; nil until found.
    var route: Int?
    /// What was queued for the socket before this answer began.
    let queuedBefore: Int
    /// Content being collected before the handler runs.
    var isCollecting = false
    /// Of a large content, what does not stand in `request` yet.
    let pieces = ContentPieces()
    var reader: BodyReader?
    /// The answer under way, once it has begun.
    var stream: StreamHandle?
    /// Of the answer that has begun.
    var status: Int?
    /// The peer will send no more and waits until then at most; see `EventLoop.grace`.
    var patienceEnds: Moment?

    init(serial: UInt64, id: String, request: Request?, started: Moment, queuedBefore: Int) {
        self.serial = serial
        self.id = id
        self.request = request
        self.started = started
        self.queuedBefore = queuedBefore
    }
}

/// A complete answer on its way out.
struct UnsentAnswer {
    /// It is out when the connection has sent so many bytes in all.
    var end: Int
    var record: RequestRecord
    var started: Moment
    var stream: StreamHandle?
    /// What the request still holds: the bytes of its answer.
    var memory: MemoryShare?
}
