/// Bytes that wait to be sent, in order: small pieces joined into one array, large ones kept as they are.
///
/// So an answer from memory is one array and one system call, and a large content is never copied.
public struct ByteQueue: Sendable {
    private var segments: [[UInt8]] = []
    /// Bytes of the first segment that are gone already.
    private var offset = 0
    /// Bytes that wait.
    public private(set) var count = 0

    /// Pieces up to this size are copied together: copying so much costs less than another buffer in the system call.
    static let joined = 16_384

    public init() {}

    public var isEmpty: Bool { count == 0 }

    public mutating func append(_ bytes: [UInt8]) {
        guard bytes.count > Self.joined else {
            append { $0 += bytes }
            return
        }
        count += bytes.count
        if segments.last?.isEmpty == true { segments.removeLast() }
        segments.append(bytes)
    }

    /// Lets `build` add a small piece in place.
    mutating func append(_ build: (inout [UInt8]) -> Void) {
        if segments.isEmpty || segments[segments.count - 1].count > Self.joined { segments.append([]) }
        let last = segments.count - 1
        let before = segments[last].count
        build(&segments[last])
        count += segments[last].count - before
    }

    /// The first `sent` bytes are gone.
    public mutating func removeFirst(_ sent: Int) {
        precondition(sent <= count, "more bytes were sent than waited")
        count -= sent
        offset += sent
        var finished = 0
        while finished < segments.count, offset >= segments[finished].count {
            // The last small array stays, empty, so that the next answer finds room without an allocation.
            if finished == segments.count - 1, segments[finished].count <= 2 * Self.joined {
                segments[finished].removeAll(keepingCapacity: true)
                offset = 0
                break
            }
            offset -= segments[finished].count
            finished += 1
        }
        segments.removeFirst(finished)
    }

    public mutating func removeAll() {
        segments = []
        offset = 0
        count = 0
    }

    /// Gives up to eight of the first buffers, for one gathering write.
    public func withBuffers<Result>(_ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> Result) -> Result {
        let most = min(segments.count, 8)
        return withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: max(most, 1)) { buffers in
            collect(0, most, buffers, body)
        }
    }

    /// Pins one array after another: pointers hold only inside each other's closures.
    private func collect<Result>(
        _ index: Int, _ most: Int, _ buffers: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>,
        _ body: (UnsafeBufferPointer<UnsafeRawBufferPointer>) -> Result
    ) -> Result {
        guard index < most else { return body(UnsafeBufferPointer(rebasing: buffers[..<most])) }
        return segments[index].withUnsafeBytes { bytes in
            let start = index == 0 ? min(offset, bytes.count) : 0
            buffers.initializeElement(at: index, to: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            return collect(index + 1, most, buffers, body)
        }
    }
}
