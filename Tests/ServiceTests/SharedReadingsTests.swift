import Foundation
import Synchronization
import Testing

@testable import Service

@Suite("Readings that many share")
struct SharedReadingsTests {
    @Test("a thousand listeners read once a change, though they ask at the same time")
    func once() throws {
        let readings = SharedReadings<String, Int>()
        let reads = Atomic<Int>(0)
        for generation in 1...3 as ClosedRange<UInt64> {
            DispatchQueue.concurrentPerform(iterations: 1_000) { _ in
                let value = try? readings.value("job", at: generation) {
                    Thread.sleep(forTimeInterval: 0.001)
                    return reads.add(1, ordering: .relaxed).newValue
                }
                if value != Int(generation) { Issue.record("\(String(describing: value)) at \(generation)") }
            }
        }
        #expect(reads.load(ordering: .relaxed) == 3)
    }

    @Test("places are told apart, and those who lag far behind read by themselves")
    func places() throws {
        let readings = SharedReadings<Int, Int>()
        for place in 0..<1_000 { #expect(try readings.value(place, at: 1) { place } == place) }
        #expect(try readings.value(0, at: 1) { -1 } == 0)
        #expect(try readings.value(999, at: 1) { -1 } == -1)
    }

    @Test("a reading that failed is tried again")
    func failure() throws {
        struct Failure: Error {}
        let readings = SharedReadings<Int, Int>()
        #expect(throws: Failure.self) { try readings.value(1, at: 1) { throw Failure() } }
        #expect(try readings.value(1, at: 1) { 7 } == 7)
    }
}
