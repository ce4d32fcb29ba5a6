import HTTPServer
import Service
import Store
import Synchronization
import Wire

/// Long polls and event streams: how many there are, and what they read together.
final class Listeners: Sendable {
    /// What one turn of a stream needs, read in this order: a job that ends in between gets another turn and not a torn
    /// end.
    struct Reading: Sendable {
        var job: Job
        var events: Page<JobEvent>
    }

    struct Place: Hashable, Sendable {
        var job: String
        var after: Int64
    }

    private let count = Atomic<Int>(0)
    private let most: Int
    private let jobs = SharedReadings<String, Job>()
    private let lasts = SharedReadings<String, Int64>()
    let turns = SharedReadings<Place, Reading>()

    init(most: Int) {
        self.most = most
    }

    /// How many there are.
    var open: Int { count.load(ordering: .relaxed) }

    /// Throws where there are too many; whoever gets in leaves again.
    func enter() throws(HTTPError) {
        guard count.add(1, ordering: .relaxed).newValue > most else { return }
        leave()
        throw HTTPError(
            .overloaded(retryAfterSeconds: 5),
            "\(most) long polls and event streams are open, and no more fit; ask without waiting, or come back later")
    }

    func leave() {
        count.subtract(1, ordering: .relaxed)
    }

    /// The job, as of the last change that was told. Whoever has subscribed to changes before is told of what came since.
    func job(_ id: String, _ service: Service) throws -> Job {
        try jobs.value(id, at: service.changes.generation) { try service.job(id) }
    }

    /// The job and its events after a number, as of the last change that was told.
    func turn(_ id: String, after: Int64, _ service: Service) throws -> Reading {
        let generation = service.changes.generation
        let last = try lasts.value(id, at: generation) { try service.lastEvent(of: id) }
        // Whoever asks for what is still to come is at the same place as those who have seen everything.
        let place = min(after, last)
        let reading = try turns.value(Place(job: id, after: place), at: generation) {
            Reading(
                job: try service.job(id), events: try service.events(of: id, after: place, limit: JobStream.batch))
        }
        guard place < after else { return reading }
        if reading.events.hasMore {
            return Reading(
                job: reading.job, events: try service.events(of: id, after: after, limit: JobStream.batch))
        }
        let wanted = reading.events.items.filter { $0.sequence > after }
        return Reading(job: reading.job, events: Page(items: wanted, hasMore: false))
    }
}
