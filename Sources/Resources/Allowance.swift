/// What a piece of work may take, and whether somebody still waits for it.
public struct Allowance: Sendable {
    public let memory: MemoryShare
    public let cancellation: Cancellation

    public init(memory: MemoryShare, cancellation: Cancellation) {
        self.memory = memory
        self.cancellation = cancellation
    }

    /// For callers that are no request: a client, a worker, a test.
    public static let unlimited = Allowance(memory: .unlimited, cancellation: .never)
}
