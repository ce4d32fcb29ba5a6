import Testing

@testable import HTTPServer

@Suite("Work queues")
struct WorkQueueTests {
    private final class Content: Sendable {}

    @Test("work that is done lets go of what it held, though more waits behind it")
    func done() throws {
        let queue = ThreadQueue(name: "once", threads: 1, depth: 20)
        defer { queue.stop() }
        let (begun, gates) = (Monitor(0), Monitor(0))
        let stop: @Sendable () -> Void = {
            let turn = begun.change { begun in
                begun += 1
                return begun
            }
            _ = gates.wait(for: patience) { $0 >= turn ? true : nil }
        }
        #expect(queue.submit(stop))
        #expect(begun.wait(for: patience) { $0 == 1 ? true : nil } == true)
        weak var held: Content?
        do {
            let content = Content()
            held = content
            #expect(queue.submit { _ = ObjectIdentifier(content) })
        }
        for _ in 0..<10 { #expect(queue.submit(stop)) }
        #expect(held != nil && queue.waiting == 11)
        gates.change { $0 = 1 }
        #expect(begun.wait(for: patience) { $0 == 2 ? true : nil } == true)
        #expect(eventually { held == nil } && queue.waiting == 9)
        gates.change { $0 = 100 }
        #expect(eventually { queue.count == 0 } && begun.withLock { $0 } == 11)
    }
}
