import ArgumentParser
import Foundation
import Logging
import Service
import Store

/// `timestep worker`: takes jobs from a data folder and trains them, one at a time.
struct WorkerCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Train jobs of a data folder; `serve` starts its own workers.",
        discussion: """
            `timestep serve` starts and supervises its workers, so this is rarely typed. One more \
            beside them:
              timestep worker --data /var/lib/timestep

            A worker may be stopped or killed at any moment: SIGTERM, SIGHUP and Ctrl-C write a \
            checkpoint first, and after a kill the job is taken up from its last checkpoint when its lease \
            ends. It heeds the options of `serve` that concern it and ignores the others.
            """)

    @OptionGroup var options: ServerOptions

    @Flag(help: "Started by a server: stop when the standard input ends, look for work at each byte on it.")
    var supervised = false

    /// Training yields to the answers of the server on the same machine.
    static let niceness: Int32 = 10

    func perform() throws(CommandError) {
        let environment = ProcessInfo.processInfo.environment
        let settings = try SettingsResolver.resolve(
            flags: options.given, configurationPath: options.config, environment: environment)
        Signals.ignoreBrokenPipes()
        let stop = StopSignal()
        // Before anything that may take long: opening the data folder may wait for others.
        let signs = supervised ? LifeSigns(to: STDIN_FILENO) : nil
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var logger = settings.makeLogger("timestep.worker", environment: environment)
        logger[metadataKey: "pid"] = "\(getpid())"

        var storeOptions = Store.Options()
        storeOptions.keptCheckpoints = settings.service.retention.checkpoints
        storeOptions.leaseClock = .system()
        storeOptions.lease = settings.service.lease
        let store: Store
        // A worker that made itself an empty folder where the name is mistyped would wait for ever.
        guard Store.exists(in: settings.service.dataDirectory) else {
            throw CommandError(
                .unavailable,
                "no server has worked in the data folder \(settings.service.dataDirectory) yet; start one there first: "
                    + "timestep serve --data \(settings.service.dataDirectory)")
        }
        do {
            store = try Store(
                directory: settings.service.dataDirectory, role: .worker, options: storeOptions, at: Date())
        } catch {
            throw CommandError(
                .unavailable, "the data folder \(settings.service.dataDirectory) cannot be used: \(error)")
        }
        var configuration = WorkerConfiguration(name: WorkerConfiguration.name(ofProcess: getpid()))
        configuration.lease = settings.service.lease
        configuration.checkpointInterval = settings.service.checkpointInterval
        configuration.jobMemory = settings.service.jobMemory
        configuration.instructionSet = settings.service.instructionSet
        let loop = WorkerLoop(configuration: configuration, store: store, logger: logger)
        stop.then { [logger] name in
            logger.info("stopping", metadata: ["signal": "\(name)"])
            loop.stop()
        }
        if supervised { loop.follow(parent: STDIN_FILENO) }
        logger.info("ready", metadata: ["data": "\(settings.service.dataDirectory)"])
        signs?.tellReady()
        loop.run()
        do {
            try store.close()
        } catch {
            logger.error("the database was not closed in order", metadata: ["error": "\(error)"])
        }
        logger.info("stopped")
    }
}
