import ArgumentParser

/// The program. Each subcommand is a file of its own.
@main
struct Timestep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "timestep",
        abstract: "Train recurrent networks on sequences and serve them over HTTP.",
        discussion: """
            Start a server, and in another terminal train, forecast and step:

              timestep serve
              timestep train sales.csv --model sales --target units --time month
              timestep predict sales --horizon 6
              timestep sessions open sales

            train, predict, jobs, models, datasets and sessions talk to a server by HTTP: \
            http://127.0.0.1:8080, or the one of --server or TIMESTEP_SERVER. All of them print \
            JSON with --json. Colours go off with NO_COLOR=1.

            Exit status:
            \(ExitStatus.table)
            """,
        version: Version.text,
        subcommands: [
            Serve.self, WorkerCommand.self, Train.self, Predict.self, Jobs.self, Models.self, Datasets.self,
            Sessions.self, Bench.self,
        ])
}
