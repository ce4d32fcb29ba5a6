import Resources
import Synchronization
import Testing

struct CancellationTests {
    @Test("what was asked to be told is told once, early or late")
    func telling() throws {
        let cancellation = Cancellation()
        let calls = Mutex(0)
        cancellation.onCancel { calls.withLock { $0 += 1 } }
        try cancellation.check()
        cancellation.cancel()
        cancellation.cancel()
        #expect(calls.withLock { $0 } == 1 && cancellation.isCancelled)
        cancellation.onCancel { calls.withLock { $0 += 1 } }
        #expect(calls.withLock { $0 } == 2)
        #expect(throws: CancelledWork.self) { try cancellation.check() }
    }

    @Test("work that is done lets go of those it would have told")
    func forgetting() {
        let cancellation = Cancellation()
        let calls = Mutex(0)
        cancellation.onCancel { calls.withLock { $0 += 1 } }
        cancellation.forget()
        cancellation.cancel()
        #expect(calls.withLock { $0 } == 0)
    }
}
