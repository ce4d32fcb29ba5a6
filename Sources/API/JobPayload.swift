import Formats
import Foundation
import NamedFields
import Service
import Store
import Training

extension JSONWriter {
    /// A job as `openapi.yaml` describes it. `queuePosition` is nil unless it is queued.
    ///
    /// - Parameter spec: nil where the stored text is none that this program can read; the rest of the job stays readable.
    mutating func job(_ job: Job, spec: JobSpec?, queuePosition: Int?) {
        object { writer in
            writer.member("object", "job")
            writer.member("id", job.id)
            writer.member("status", job.status.rawValue)
            writer.member("terminal", job.status.isTerminal)
            writer.member("pending", job.wish?.rawValue)
            writer.key("model")
            writer.object { writer in
                writer.member("name", job.model)
                writer.member("version", job.version)
            }
            writer.member("queue_position", queuePosition)
            writer.member("attempt", job.attempt)
            writer.key("progress")
            writer.progress(job.shownProgress)
            writer.member("metrics", job.metrics)
            writer.member("seed", job.seed)
            writer.key("spec")
            if let spec { writer.spec(spec, dataset: job.datasetID) } else { writer.null() }
            writer.member("report", stored: job.report)
            writer.key("error")
            if let error = job.error {
                writer.object { writer in
                    writer.member("code", error.code)
                    writer.member("detail", error.detail)
                }
            } else {
                writer.null()
            }
            writer.member("created_at", Timestamp.text(job.createdAt))
            writer.member("started_at", job.startedAt.map(Timestamp.text))
            writer.member("finished_at", job.finishedAt.map(Timestamp.text))
        }
    }

    private mutating func progress(_ progress: JobProgress) {
        object { writer in
            writer.member("fraction", progress.fraction)
            writer.member("epoch", progress.epoch)
            writer.member("epochs", progress.epochs)
            writer.member("step", progress.step)
            writer.member("steps", progress.steps)
            writer.member("eta_seconds", progress.etaSeconds)
        }
    }

    /// What was asked, every default filled in.
    private mutating func spec(_ spec: JobSpec, dataset: String?) {
        object { writer in
            for part in FieldWriter.members(of: spec.training) {
                writer.key(part.name)
                writer.value(part.value)
            }
            writer.key("data")
            writer.object { writer in
                writer.member("dataset", dataset)
                writer.member("missing", spec.missing.rawValue)
            }
            writer.member("tags", spec.tags)
            writer.member("description", spec.summary)
        }
    }

    /// What a job would need.
    mutating func estimate(_ estimate: Estimate, seconds: Double?) {
        object { writer in
            writer.member("object", "estimate")
            writer.member("parameters", estimate.parameters)
            writer.member("memory_bytes", estimate.memoryBytes)
            writer.member("floating_point_operations_per_epoch", estimate.floatingPointOperationsPerEpoch)
            writer.member("steps_per_epoch", estimate.stepsPerEpoch)
            writer.member("steps", estimate.steps)
            writer.member("seconds", seconds)
        }
    }
}

extension Job {
    /// Workers tell of progress a few times a second, so the last they told of a job that succeeded is not its end.
    fileprivate var shownProgress: JobProgress {
        var shown = progress ?? JobProgress(fraction: 0)
        if status == .succeeded {
            shown.fraction = 1
            shown.etaSeconds = 0
        }
        return shown
    }
}

extension JSONWriter {
    mutating func event(_ event: JobEvent) {
        jobEvent(
            event.kind, id: event.sequence, job: event.job, attempt: event.attempt, at: event.at, status: event.status,
            payload: event.payload)
    }

    /// The `done` of a job that is over, for a listener who has seen the event numbered `after`.
    mutating func end(of job: Job, after: Int64) {
        jobEvent(
            .done, id: after, job: job.id, attempt: job.attempt, at: job.finishedAt ?? job.createdAt,
            status: job.status, payload: nil)
    }

    private mutating func jobEvent(
        _ kind: JobEvent.Kind, id: Int64, job: String, attempt: Int, at: Date, status: JobStatus?, payload: String?
    ) {
        object { writer in
            writer.member("object", "job_event")
            writer.member("id", Int(id))
            writer.member("event", kind.rawValue)
            writer.member("job", job)
            writer.member("attempt", attempt)
            writer.member("at", Timestamp.text(at))
            writer.member("status", status?.rawValue)
            writer.key("data")
            if let payload {
                // A worker's own figures are an object; what the store tells is a sentence.
                if payload.hasPrefix("{"), Self.isJSON(payload) {
                    writer.verbatim(payload.utf8)
                } else {
                    writer.object { $0.member("detail", payload) }
                }
            } else {
                writer.null()
            }
        }
    }
}

extension Call {
    /// One job as the whole answer.
    func answerJob(_ job: Job, _ status: Int = 200, location: Bool = false) throws {
        responder.respond(try jobResponse(job, status, location: location))
    }

    func write(_ job: Job, to writer: inout JSONWriter) throws {
        writer.job(job, spec: service.readableSpec(of: job), queuePosition: try service.queuePosition(of: job))
    }
}
