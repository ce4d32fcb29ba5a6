import Glibc
import Testing

@testable import HTTPServer

@Suite("Turns among clients")
struct FairQueueTests {
    private let first = ClientKey(bits: 1)
    private let second = ClientKey(bits: 2)
    private let third = ClientKey(bits: 3)

    @Test("each client's first comes before any client's second, and each client's own keep their order")
    func rounds() {
        var queue = FairQueue<Int>()
        for number in 0..<5 { queue.append(number, of: first) }
        queue.append(10, of: second)
        for number in 20..<22 { queue.append(number, of: third) }
        #expect(queue.take(4) == [0, 10, 20, 1])
        #expect(queue.take(1) == [21])
        // Who comes again waits for those of whom something waits already.
        queue.append(11, of: second)
        #expect(queue.count == 4)
        #expect(queue.take(9) == [2, 11, 3, 4])
        #expect(queue.isEmpty && queue.take(9).isEmpty)
    }

    @Test("what comes of another client is among the next, however much of one waits")
    func flood() {
        var queue = FairQueue<Int>()
        for number in 0..<10_000 { queue.append(number, of: first) }
        #expect(queue.take(3) == [0, 1, 2])
        queue.append(-1, of: second)
        #expect(queue.take(2) == [3, -1])
    }

    @Test("nothing is lost and nothing comes twice, in whatever order it comes and goes")
    func conservation() {
        var random = SystemRandomNumberGenerator()
        var queue = FairQueue<(client: Int, number: Int)>()
        var came = [Int](repeating: 0, count: 300)
        var went = came
        for _ in 0..<3_000 {
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                let client = Int.random(in: 0..<300, using: &random)
                queue.append((client, came[client]), of: ClientKey(bits: UInt64(client)))
                came[client] += 1
            }
            for (client, number) in queue.take(Int.random(in: 0...40, using: &random)) {
                #expect(number == went[client])
                went[client] += 1
            }
        }
        #expect(queue.count == came.reduce(0, +) - went.reduce(0, +))
        for (client, number) in queue.take(.max) {
            #expect(number == went[client])
            went[client] += 1
        }
        #expect(came == went)
    }

    @Test("an address is one client whatever its port, a network of IPv6 is one, and IPv4 within IPv6 is IPv4")
    func keys() throws {
        func key(_ text: String, port: Int = 1) throws -> ClientKey {
            ClientKey(try #require(Resolver.addresses(of: text, port: port, isPassive: false).first))
        }
        #expect(try key("192.0.2.1") == key("192.0.2.1", port: 2))
        #expect(try key("192.0.2.1") == key("::ffff:192.0.2.1"))
        #expect(try key("192.0.2.1") != key("192.0.2.2"))
        #expect(try key("2001:db8::1") == key("2001:db8::ffff:1"))
        #expect(try key("2001:db8::1") != key("2001:db8:0:1::1"))
        #expect(try key("::1") != key("127.0.0.1"))
    }
}

@Suite("Places for connections")
struct PlacesTests {
    private let first = ClientKey(bits: 1)
    private let second = ClientKey(bits: 2)

    /// Takes all that it gets.
    private func fill(_ places: Places, _ client: ClientKey) -> Int {
        var count = 0
        while places.take(client) == nil { count += 1 }
        return count
    }

    @Test("one client has three quarters of the places at most, several leave some, and whoever holds none finds one")
    func shares() {
        let places = Places(1_000)
        #expect(fill(places, first) == 750)
        #expect(places.take(first) == .unfair)
        for client in 10..<13 as Range<UInt64> { #expect(fill(places, ClientKey(bits: client)) > 0) }
        #expect(places.take(second) == nil)
        // What is given back is there again, for others first.
        for _ in 0..<100 { places.leave(first) }
        #expect(places.take(first) == .unfair && fill(places, second) > 50)
        for _ in 0..<650 { places.leave(first) }
        #expect(fill(places, first) > 200)
    }

    @Test("two clients that want all have as much of the places as each other")
    func two() {
        let places = Places(700)
        var counts = [0, 0]
        for number in 0..<2_000 where places.take(number % 2 == 0 ? first : second) == nil { counts[number % 2] += 1 }
        #expect(counts == [300, 300])
    }

    @Test("few places are all taken by one client, and none is taken beyond them", arguments: 1...3)
    func few(_ count: Int) {
        let places = Places(count)
        #expect(fill(places, first) == count && places.take(first) == .full && places.take(second) == .full)
    }

    @Test("one client cannot take the places of others")
    func others() throws {
        try withServer(routes: [.text(.get, "/", "hello")], { $0.maximumConnections = 8 }) { server, port in
            var holding = try (0..<6).map { _ in try RawClient(port) }
            #expect(eventually { server.connections == 6 })
            let answer = try RawClient(port).receiveToEnd()
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("this address has most"))
            let other = try Elsewhere(port)
            #expect(try other.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").hasSuffix("hello"))
            // What is given back may be taken again.
            for client in holding.suffix(4) { client.close() }
            holding.removeLast(4)
            #expect(eventually { server.connections == 3 })
            #expect(try client(port).request(.get, "/").head.status == 200)
        }
    }
}

/// A client at another address of this machine.
private final class Elsewhere {
    private let descriptor: Int32

    init(_ port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let own = try #require(Resolver.addresses(of: "127.0.0.2", port: 0, isPassive: false).first)
        let server = try #require(Resolver.addresses(of: "127.0.0.1", port: port, isPassive: false).first)
        try #require(SocketAddress.with(own) { bind(descriptor, $0, $1) } == 0)
        try #require(SocketAddress.with(server) { connect(descriptor, $0, $1) } == 0)
    }

    deinit { close(descriptor) }

    /// Sends a request and gives the beginning of the answer.
    func ask(_ request: String) throws -> String {
        try #require(send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return text(buffer.prefix(max(0, count)))
    }
}
