import Foundation
import Store
import Synchronization
import Testing

@testable import Service

@Suite struct SessionClockTests {
    @Test("a time of day that is set forward by two hours ends no session, and is the one that is shown")
    func setForward() throws {
        let change = Mutex(TimeInterval(0))
        let place = try Workplace(now: { Date() + change.withLock { $0 } })
        let job = try place.work(on: place.submit(epochs: 1))
        #expect(job.status == .succeeded)
        let opened = try place.service.openSession(
            OpenSessionRequest(model: ModelReference(parsing: "m"), timeToLive: .seconds(60)))
        change.withLock { $0 = 7_200 }
        let found = try place.service.session(opened.id)
        #expect(abs(found.expiresAt.timeIntervalSinceNow - 7_260) < 30)
    }
}
