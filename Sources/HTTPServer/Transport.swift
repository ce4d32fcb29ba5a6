import CPosix
import Glibc

/// What became of a read or write that must not block.
enum TransferResult: Equatable {
    /// So many bytes, at least one.
    case moved(Int)
    /// Nothing now; readiness will tell.
    case wouldBlock
    /// The peer will send no more.
    case ended
    case failed(Int32)
}

/// Bytes of one connection in and out, without blocking. TLS is another one of these, over this one.
protocol Transport: AnyObject {
    var descriptor: Int32 { get }
    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult
    /// Writes the beginning of the gathered buffers, in one system call.
    func write(_ buffers: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> TransferResult
    /// Bytes that were written and that the peer's system has not taken yet.
    var untaken: Int { get }
    /// Tells the peer that nothing follows.
    func finishWriting()
    func close()
}

/// A plain TCP socket.
final class SocketTransport: Transport {
    let descriptor: Int32

    /// Takes a connected, non-blocking socket over.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        // Its failure costs speed, not correctness.
        _ = cposix_no_delay(descriptor)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        while true {
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK: return .wouldBlock
            default: return .failed(errno)
            }
        }
    }

    func write(_ buffers: UnsafeBufferPointer<UnsafeRawBufferPointer>) -> TransferResult {
        withUnsafeTemporaryAllocation(of: iovec.self, capacity: buffers.count) { vectors in
            for index in buffers.indices {
                vectors.initializeElement(
                    at: index,
                    to: iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: buffers[index].baseAddress),
                        iov_len: buffers[index].count))
            }
            while true {
                let count = cposix_send(descriptor, vectors.baseAddress, buffers.count)
                if count >= 0 { return .moved(count) }
                switch errno {
                case EINTR: continue
                case EAGAIN, EWOULDBLOCK: return .wouldBlock
                default: return .failed(errno)
                }
            }
        }
    }

    var untaken: Int {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : 0
    }

    func finishWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
