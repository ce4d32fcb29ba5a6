import ArgumentParser
import Formats
import Glibc

/// `timestep jobs`: what is training, what has trained, and the verbs to move it.
struct Jobs: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List, watch, stop and repeat trainings.",
        discussion: """
            The newest jobs, and some of them:
              timestep jobs
              timestep jobs list --status running --model sales

            One of them, now or to its end:
              timestep jobs show job_01J8Z3K4M5N6P7Q8R9S0T1V2W3
              timestep jobs watch job_01J8Z3K4M5N6P7Q8R9S0T1V2W3

            Put one aside, go on where it stopped, or begin again:
              timestep jobs pause job_…
              timestep jobs resume job_…
              timestep jobs retry job_… --from start
            """,
        subcommands: [
            List.self, Show.self, Watch.self, Events.self, Cancel.self, Pause.self, Resume.self, Retry.self,
        ],
        defaultSubcommand: List.self)

    struct List: Command {
        static let configuration = CommandConfiguration(abstract: "List jobs, newest first.")

        @Option(help: "Only jobs of this status: queued, running, paused, succeeded, failed, cancelled.")
        var status: String?

        @Option(help: ArgumentHelp("Only jobs that train this model.", valueName: "name"))
        var model: String?

        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let table = TextTable([
                ("job", .left), ("model", .left), ("status", .left), ("done", .right), ("loss", .right),
                ("created", .left),
            ])
            try list.show(
                "/jobs", [("status", status), ("model", model)], client: client, table: table,
                none: "no jobs; train something: timestep train --help", id: { $0.read("Job: id")?.string }
            ) { job in
                let version = job.read("Job: model.version")?.int.map { ":\($0)" } ?? ""
                return [
                    job.read("Job: id")?.string ?? "", (job.read("Job: model.name")?.string ?? "") + version,
                    job.read("Job: status")?.string ?? "",
                    job.read("Job: progress.fraction")?.double.map { "\(Int($0 * 100))%" } ?? "",
                    Numerals.short(job.read("Job: metrics.train_loss")?.double),
                    job.read("Job: created_at")?.shortTime ?? "",
                ]
            }
        }
    }

    struct Show: Command {
        static let configuration = CommandConfiguration(
            abstract: "Show a job: what it does, how far it is, how good it got.")

        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let job = try client.connect().get("/jobs/\(segment(id))")
            guard !client.printed(job) else { return }
            for line in TrainingSummary([JobFollower.Outcome(job: job, losses: [])]).lines(for: client.terminal) {
                Output.line(line)
            }
        }
    }

    struct Watch: Command {
        static let configuration = CommandConfiguration(
            abstract: "Watch a job to its end.", discussion: "Ctrl-C stops the watching, not the job.")

        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let name = try server.get("/jobs/\(segment(id))").read("Job: model.name")?.string ?? id
            let follower = JobFollower(server: server, terminal: client.progressTerminal, descriptor: STDERR_FILENO)
            let outcome = try follower.follow(id, label: name)
            if !client.printed(outcome.job) {
                for line in TrainingSummary([outcome]).lines(for: client.terminal) { Output.line(line) }
            }
            guard outcome.job.read("Job: status")?.string == "succeeded" else {
                throw CommandError(.jobFailed, "job \(id) \(outcome.job.read("Job: status")?.string ?? "?")")
            }
        }
    }

    struct Events: Command {
        static let configuration = CommandConfiguration(abstract: "What happened to a job, as JSON lines.")

        @Argument var id: String
        @Flag(help: "Go on until the job ends.")
        var follow = false
        @OptionGroup var list: ListOptions
        @OptionGroup(title: "The server") var client: ClientOptions

        func perform() throws(CommandError) {
            let server = try client.connect()
            let target = "/jobs/\(segment(id))/events"
            if follow {
                try server.events(target + query([("after", list.after)])) { event in
                    Output.line(event.data)
                    return true
                }
                return
            }
            let answer = try server.get(target + query([("limit", "\(list.limit)"), ("after", list.after)]))
            for event in answer.read("JobEventList: data")?.array ?? [] { Output.line(event.text) }
        }
    }

    struct Cancel: Verb {
        static let configuration = CommandConfiguration(abstract: "Stop a job for good.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions
        var action: String { "cancel" }
    }

    struct Pause: Verb {
        static let configuration = CommandConfiguration(abstract: "Put a job aside after a checkpoint.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions
        var action: String { "pause" }
    }

    struct Resume: Verb {
        static let configuration = CommandConfiguration(abstract: "Queue a paused job again.")
        @Argument var id: String
        @OptionGroup(title: "The server") var client: ClientOptions
        var action: String { "resume" }
    }

    struct Retry: Verb {
        static let configuration = CommandConfiguration(abstract: "Queue a failed or cancelled job again.")
        @Argument var id: String
        @Option(help: "Where to begin: checkpoint, start.")
        var from: String?
        @OptionGroup(title: "The server") var client: ClientOptions
        var action: String { "retry" + query([("from", from)]) }
    }
}

/// A command that asks for one change of a job and shows what became of it.
protocol Verb: Command {
    var id: String { get }
    var client: ClientOptions { get }
    /// The last segment of the path, with its query.
    var action: String { get }
}

extension Verb {
    func perform() throws(CommandError) {
        let job = try client.connect().post("/jobs/\(segment(id))/\(action)")
        guard !client.printed(job) else { return }
        let pending = job.read("Job: pending")?.string.map { " (asked to \($0))" } ?? ""
        Output.line("\(id) is \(job.read("Job: status")?.string ?? "?")\(pending)")
    }
}
