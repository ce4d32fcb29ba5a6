import CPosix
import Glibc
import Wire

/// A connected socket of a client, with waits that end.
// Sendable: the descriptor never changes; only one request at a time has the object.
final class ClientSocket: Sendable {
    private let descriptor: Int32

    /// Tries each address of the host in turn.
    init(host: String, port: Int, timeout: Duration) throws(HTTPClientError) {
        let addresses: [sockaddr_storage]
        do throws(ResolverError) {
            addresses = try Resolver.addresses(of: host, port: port, isPassive: false)
        } catch {
            throw HTTPClientError(.unknownHost, "there is no host \"\(host)\": \(error.detail)")
        }
        var failure = HTTPClientError(.unknownHost, "the host \"\(host)\" has no address")
        for address in addresses {
            do throws(HTTPClientError) {
                descriptor = try Self.connected(address, timeout)
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Nothing has come since the last answer, not even the end.
    var isQuiet: Bool {
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&request, 1, 0) == 0
    }

    /// Waits until one of the directions is ready. Nil duration: without end.
    func wait(
        toRead: Bool, toWrite: Bool, atMost duration: Duration?
    ) throws(HTTPClientError) -> (canRead: Bool, canWrite: Bool) {
        let events = (toRead ? POLLIN : 0) | (toWrite ? POLLOUT : 0)
        guard let ready = Self.wait(descriptor, Int16(events), duration) else {
            throw HTTPClientError(.timeout, "the server has been silent for too long")
        }
        let isBroken = ready & Int16(POLLERR | POLLHUP) != 0
        return (ready & Int16(POLLIN) != 0 || isBroken, ready & Int16(POLLOUT) != 0 || isBroken)
    }

    /// Whatever is there, nil where nothing is, empty at the end.
    func read() throws(HTTPClientError) -> [UInt8]? {
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.readSize) { buffer, count in
            repeat { result = recv(descriptor, buffer.baseAddress, buffer.count, 0) } while result < 0 && errno == EINTR
            count = max(0, result)
        }
        if result >= 0 { return bytes }
        if errno == EAGAIN || errno == EWOULDBLOCK { return nil }
        throw Self.lost(errno)
    }

    /// Sends a beginning of the bytes; gives how many were taken.
    func write(_ bytes: ArraySlice<UInt8>) throws(HTTPClientError) -> Int {
        var result = 0
        bytes.withUnsafeBytes { buffer in
            repeat {
                result = send(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
            } while result < 0 && errno == EINTR
        }
        if result >= 0 { return result }
        if errno == EAGAIN || errno == EWOULDBLOCK { return 0 }
        throw Self.lost(errno)
    }

    private static let readSize = 65_536

    private static func lost(_ code: Int32) -> HTTPClientError {
        code == EPIPE || code == ECONNRESET
            ? HTTPClientError(.closed, "the server closed the connection before it had answered")
            : HTTPClientError(.system(code), "the connection to the server broke: \(SystemError.text(code))")
    }

    private static func connected(_ address: sockaddr_storage, _ timeout: Duration) throws(HTTPClientError) -> Int32 {
        let place = SocketAddress.text(address)
        let descriptor = cposix_stream_socket(Int32(address.ss_family))
        guard descriptor >= 0 else {
            throw HTTPClientError(.system(errno), "no socket could be made: \(SystemError.text(errno))")
        }
        var code = SocketAddress.with(address) { connect(descriptor, $0, $1) } == 0 ? 0 : errno
        if code == EINPROGRESS {
            code = wait(descriptor, Int16(POLLOUT), timeout) == nil ? ETIMEDOUT : cposix_socket_error(descriptor)
        }
        guard code == 0 else {
            Glibc.close(descriptor)
            switch code {
            case ECONNREFUSED: throw HTTPClientError(.refused, "nothing listens at \(place)")
            case ETIMEDOUT: throw HTTPClientError(.timeout, "\(place) does not answer")
            default: throw HTTPClientError(.system(code), "\(place) cannot be reached: \(SystemError.text(code))")
            }
        }
        _ = cposix_no_delay(descriptor)
        return descriptor
    }

    /// The events that came, nil when the time is up first.
    private static func wait(_ descriptor: Int32, _ events: Int16, _ duration: Duration?) -> Int16? {
        let deadline = duration.map { Clock.now() + $0 }
        while true {
            var milliseconds: Int32 = -1
            if let deadline {
                let (seconds, attoseconds) = max(.zero, deadline - Clock.now()).components
                milliseconds = Int32(clamping: seconds * 1_000 + attoseconds / 1_000_000_000_000_000 + 1)
            }
            var request = pollfd(fd: descriptor, events: events, revents: 0)
            let count = poll(&request, 1, milliseconds)
            if count > 0 { return request.revents }
            if count == 0 { return nil }
            if errno != EINTR { return Int16(POLLERR) }
        }
    }
}
