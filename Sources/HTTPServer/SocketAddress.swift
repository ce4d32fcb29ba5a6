import CPosix
import Glibc

/// Socket addresses, whose C form is a family of structs behind one pointer.
enum SocketAddress {
    /// Calls with the generic pointer and the length that fits the family.
    static func with<Result>(
        _ address: sockaddr_storage, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        let isV6 = Int32(address.ss_family) == AF_INET6
        let length = isV6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    static func setPort(_ address: inout sockaddr_storage, _ port: Int) {
        let isV6 = Int32(address.ss_family) == AF_INET6
        let value = UInt16(truncatingIfNeeded: port).bigEndian
        withUnsafeMutablePointer(to: &address) { pointer in
            if isV6 {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee.sin6_port = value }
            } else {
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port = value }
            }
        }
    }

    /// The address in digits, and the port.
    static func numeric(_ address: sockaddr_storage) -> (host: String, port: Int) {
        var address = address
        var host = [CChar](repeating: 0, count: 64)
        let port = cposix_numeric_address(&address, &host, host.count)
        let name = host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return (String(decoding: name, as: UTF8.self), Int(port))
    }

    /// `127.0.0.1:8080`, `[::1]:8080`.
    static func text(_ address: sockaddr_storage) -> String {
        let (host, port) = numeric(address)
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// Names into addresses.
enum Resolver {
    /// The stream addresses of a name, in the system's order of preference.
    static func addresses(of host: String, port: Int, isPassive: Bool) throws(ResolverError) -> [sockaddr_storage] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICSERV | (isPassive ? AI_PASSIVE : 0)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else { throw ResolverError(detail: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [sockaddr_storage] = []
        var entry = list
        while let current = entry?.pointee {
            if let source = current.ai_addr, current.ai_family == AF_INET || current.ai_family == AF_INET6 {
                var storage = sockaddr_storage()
                withUnsafeMutableBytes(of: &storage) { bytes in
                    bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: Int(current.ai_addrlen)))
                }
                addresses.append(storage)
            }
            entry = current.ai_next
        }
        return addresses
    }
}

struct ResolverError: Error {
    var detail: String
}
