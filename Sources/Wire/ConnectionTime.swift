/// The time limits of a connection: the moments are the caller's, the verdicts are events.
extension Connection {
    /// When to call `expire`; nil while only the application can move the connection.
    public var deadline: Moment? {
        var earliest = phaseDeadline
        for moment in [bodyPace.deadline, responsePace.deadline] {
            guard let moment else { continue }
            earliest = min(earliest ?? moment, moment)
        }
        return earliest
    }

    /// Judges what is due at `now`. Pull `next` afterwards.
    public mutating func expire(at now: Moment) {
        if responsePace.isTooSlow(at: now) {
            // The peer does not read: it would not read an error either.
            pending = .close
            return
        }
        if bodyPace.isTooSlow(at: now) {
            let error = HTTPError(
                .timeout,
                "the content came too slowly: fewer than \(timeouts.body.bytes) bytes in \(timeouts.body.window)")
            if case .body = phase { pending = .bodyFailed(error) }
            stopReceiving()
        }
        guard let deadline = phaseDeadline, now >= deadline else { return }
        switch phase {
        case .head where !isIdle:
            phaseDeadline = nil
            stopReceiving()
            awaitsAnswer = true
            pending = .refused(HTTPError(.timeout, "the head of the request took longer than \(timeouts.head)"))
        case .head where !outgoing.isEmpty:
            // Earlier answers are still on their way; their own pace is watched.
            phaseDeadline = now + timeouts.idle
        case .head, .discarding:
            pending = .close
        default:
            phaseDeadline = nil
        }
    }
}
