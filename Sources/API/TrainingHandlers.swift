import Formats
import HTTPServer
import Resources
import Service
import Store
import Wire

/// Jobs: submit, look, wait, follow, steer.
extension Call {
    func train() throws {
        if hasLongBody { return try handOff(to: api.queues.bulk) { try readAndTrain() } }
        try readAndTrain()
    }

    private func readAndTrain() throws {
        var query = Query(request)
        let onlyValidates = query.choice("validate", ["only": true]) ?? false
        try query.check()
        let records = InlineRecords(textLength: request.body.count, memory: allowance.memory)
        let plan = JSONPlan(passed: InlineRecords.plan) { index, record throws(MemoryRefusal) in
            try records.append(record, at: index)
        }
        let wish = try decode(plan: plan) {
            try TrainRequest(reading: $0, records: records, memory: allowance.memory)
        }
        if onlyValidates {
            let estimate = try service.estimate(wish, within: allowance)
            let seconds = service.seconds(for: estimate, threads: wish.spec.training.threads)
            return answer { $0.estimate(estimate, seconds: seconds) }
        }
        let submit = { (key: IdempotencyKey?) in
            try jobResponse(service.train(wish, key: key, within: allowance), 202, location: true)
        }
        guard let idempotency = try Idempotency(self, scope: "POST /train") else {
            return responder.respond(try submit(nil))
        }
        let response = try idempotency.answer {
            try jobResponse(service.job($0), 202, location: true)
        } _: {
            try submit($0)
        }
        responder.respond(response)
    }

    func listJobs() throws {
        var query = Query(request)
        let statuses = Dictionary(uniqueKeysWithValues: JobStatus.allCases.map { ($0.rawValue, $0) })
        let status = query.choice("status", statuses)
        let model = query.text("model")
        let after = query.text("after")
        let limit = query.limit()
        try query.check()
        let page = try service.jobs(status: status, model: model, after: after, limit: limit)
        let positions = try service.queuePositions(of: page.items)
        answerList((page.items, page.hasMore)) { job, writer in
            writer.job(job, spec: service.readableSpec(of: job), queuePosition: positions[job.id])
        }
    }

    func showJob() throws {
        var query = Query(request)
        let wait = query.number("wait", in: 0...Self.longestWait) ?? 0
        try query.check()
        guard wait > 0 else { return try answerJob(service.job(capture("id"))) }
        try JobWait(self, job: capture("id")).start(for: wait)
    }

    /// Common proxies give up after a minute; clients of ours may wait for five.
    static let longestWait: Double = 300

    func jobEvents() throws {
        var query = Query(request)
        var after = Int64(query.int("after", in: 0...Int.max) ?? 0)
        let limit = query.limit()
        let resumed = request.fields["Last-Event-ID"].map { Int64($0) }
        if case .some(nil) = resumed {
            throw Problem.invalid([
                Problem.Item(place: .header("Last-Event-ID"), detail: "expected the id of an event, a whole number")
            ])
        }
        try query.check()
        after = max(after, resumed.flatMap { $0 } ?? 0)
        let id = capture("id")
        guard let format = EventFormat(accepted: request.fields) else {
            let page = try service.events(of: id, after: after, limit: limit)
            return answerList((page.items, page.hasMore)) { $1.event($0) }
        }
        // An unknown job is told as such, before a stream begins.
        _ = try service.job(id)
        try JobStream(self, job: id, after: after, format: format).start()
    }

    func changeJob(_ verb: (Service, String) throws -> Job) throws {
        try noQuery()
        try noBody()
        try answerJob(try verb(service, capture("id")))
    }

    func retryJob() throws {
        var query = Query(request)
        let fromStart = query.choice("from", ["checkpoint": false, "start": true]) ?? false
        try query.check()
        try noBody()
        try answerJob(try service.retry(capture("id"), fromStart: fromStart))
    }

    func jobResponse(_ job: Job, _ status: Int = 200, location: Bool = false) throws -> Response {
        var writer = JSONWriter()
        try write(job, to: &writer)
        var fields: Fields = [:]
        if location { fields["Location"] = "/jobs/\(job.id)" }
        return Response(status: status, type: MediaType.json.field, bytes: writer.take(), fields: fields)
    }
}
