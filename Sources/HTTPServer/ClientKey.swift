import Glibc

/// Whom the server takes for one client: an IPv4 address, or the first half of an IPv6 address, since the second half is
/// for each machine to choose. The port does not matter.
struct ClientKey: Hashable, Sendable {
    /// An IPv4 address, or one mapped to IPv6, in the low half; addresses of IPv6 have some bits in the high half.
    let bits: UInt64

    init(bits: UInt64) {
        self.bits = bits
    }

    init(_ address: sockaddr_storage) {
        self = withUnsafePointer(to: address) { pointer in
            guard Int32(address.ss_family) == AF_INET6 else {
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    ClientKey(bits: UInt64(UInt32(bigEndian: $0.pointee.sin_addr.s_addr)))
                }
            }
            let (network, machine) = pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                withUnsafeBytes(of: $0.pointee.sin6_addr) {
                    (
                        UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
                        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                    )
                }
            }
            // Without a network: an IPv4 address in its last 32 bits (RFC 4291, 2.5.5.2), or the loopback address.
            return ClientKey(bits: network == 0 ? machine & 0xFFFF_FFFF : network)
        }
    }
}
