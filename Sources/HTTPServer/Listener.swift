import CPosix
import Glibc

/// The sockets a server listens on: one for each address of its host, all on one port.
final class Listener {
    let descriptors: [Int32]
    let host: String
    let port: Int

    /// Connections the kernel completes while the server is busy; it caps this at `net.core.somaxconn`.
    private static let backlog: Int32 = 4_096

    init(host: String, port: Int) throws(ServerError) {
        var descriptors: [Int32] = []
        var bound: (host: String, port: Int)?
        var failure: ServerError?
        let addresses = try Self.resolve(host, port: port)
        for address in addresses {
            do throws(ServerError) {
                // With port 0 the first address chooses, the others follow.
                let (descriptor, name, number) = try Self.listen(
                    address, port: bound?.port ?? port, host: host, isOnly: addresses.count == 1)
                descriptors.append(descriptor)
                bound = bound ?? (name, number)
            } catch {
                failure = failure ?? error
            }
        }
        // A machine without IPv6 still resolves localhost to both; a taken port fails on the address that has it.
        guard let bound, failure?.reason != .addressInUse else {
            Self.close(descriptors)
            throw failure ?? ServerError(.unknownHost, "\"\(host)\" has no address to listen on")
        }
        self.descriptors = descriptors
        (self.host, self.port) = bound
    }

    /// Connections are refused from now on.
    func close() { Self.close(descriptors) }

    private static func close(_ descriptors: [Int32]) {
        for descriptor in descriptors {
            // A process that is just being started may have a copy of the descriptor, which would go on listening.
            shutdown(descriptor, Int32(SHUT_RDWR))
            Glibc.close(descriptor)
        }
    }

    private static func resolve(_ host: String, port: Int) throws(ServerError) -> [sockaddr_storage] {
        do throws(ResolverError) {
            return try Resolver.addresses(of: host, port: port, isPassive: true)
        } catch {
            throw ServerError(.unknownHost, "\"\(host)\" cannot be listened on: \(error.detail)")
        }
    }

    private static func listen(
        _ address: sockaddr_storage, port: Int, host: String, isOnly: Bool
    ) throws(ServerError) -> (Int32, String, Int) {
        var address = address
        SocketAddress.setPort(&address, port)
        let descriptor = cposix_stream_socket(Int32(address.ss_family))
        guard descriptor >= 0 else { throw failure(errno, host, port) }
        _ = cposix_reuse_address(descriptor)
        // "::" alone serves IPv4 too; beside an IPv4 address it must not take that one's port.
        if Int32(address.ss_family) == AF_INET6 {
            _ = cposix_set_option(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, isOnly ? 0 : 1)
        }
        let result = SocketAddress.with(address) { bind(descriptor, $0, $1) }
        guard result == 0, Glibc.listen(descriptor, backlog) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw failure(code, host, port)
        }
        var local = sockaddr_storage()
        _ = cposix_local_address(descriptor, &local)
        let (name, number) = SocketAddress.numeric(local)
        return (descriptor, name, number)
    }

    private static func failure(_ code: Int32, _ host: String, _ port: Int) -> ServerError {
        let place = "\(host) port \(port)"
        return switch code {
        case EADDRINUSE:
            ServerError(.addressInUse, "\(place) is taken: another program listens there; choose another port")
        case EACCES:
            ServerError(.permissionDenied, "listening on \(place) is not permitted; ports below 1024 need root")
        default:
            ServerError(.system(code), "listening on \(place) failed: \(SystemError.text(code))")
        }
    }
}
