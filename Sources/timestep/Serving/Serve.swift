import API
import ArgumentParser
import Dispatch
import Foundation
import HTTPServer
import Logging
import Resources
import Service
import Store

/// `timestep serve`: the HTTP server, the inference threads and the worker processes.
struct Serve: Command {
    static let configuration = CommandConfiguration(
        abstract: "Start the server and its workers.",
        discussion: """
            On this machine only, with its data in ./data:
              timestep serve

            For other machines, with a key that every request must carry:
              export TIMESTEP_API_KEY=…
              timestep serve --host 0.0.0.0 --data /var/lib/timestep

            From a file, with one setting changed:
              timestep serve --config timestep.yaml --port 9000

            Every option is a flag, an environment variable (--session-ttl is TIMESTEP_SESSION_TTL) \
            and a key of the file (session_ttl: 10m). The flag wins, then the environment, then the \
            file. Times are written 250ms, 30s, 10m, 1h, 30d; sizes 512MiB, 2GiB.

            SIGTERM, SIGHUP or Ctrl-C stops gracefully: requests in flight are finished and jobs \
            checkpointed, within --stop-within. A server that meets a fault in itself says so in \
            the log and begins again, unless --after-crash end.
            """)

    @OptionGroup var options: ServerOptions

    static let acceptDataLossFlag = "--accept-data-loss"

    @Flag(
        help: """
            Start although the database is gone or has lost transactions: files that it does not name go to the folder \
            trash.
            """)
    var acceptDataLoss = false

    @Flag(help: ArgumentHelp("Print the table of options as Markdown and stop.", visibility: .hidden))
    var printOptions = false

    func perform() throws(CommandError) {
        if printOptions { return Output.line(ServerOption.markdown) }
        let environment = ProcessInfo.processInfo.environment
        let settings = try SettingsResolver.resolve(
            flags: options.given, configurationPath: options.config, environment: environment)
        if let refusal = settings.api.refusal(host: settings.http.host) { throw CommandError(.configuration, refusal) }
        Signals.ignoreBrokenPipes()
        Allocator.giveBackWhatIsFree()
        let logger = settings.makeLogger("timestep", environment: environment)
        for (name, meant) in SettingsResolver.misspeltVariables(environment) {
            logger.warning(
                "an environment variable is no setting and has no effect",
                metadata: ["variable": "\(name)", "did_you_mean": "\(meant)"])
        }
        let stop = StopSignal()
        AfterCrash.recover(environment: environment, logger: logger)
        let running = try RunningServer(
            settings, acceptsLoss: acceptDataLoss, crashes: AfterCrash.crashes(environment).all, logger: logger)
        settings.afterCrash.prepare(
            port: running.port, style: settings.logStyle(environment: environment), environment: environment,
            logger: logger)
        let name = stop.wait()
        logger.info("stopping", metadata: ["signal": "\(name)"])
        running.stop(within: settings.stopWithin)
    }
}

/// All parts of a server that runs, started and stopped in their order.
private struct RunningServer {
    private let store: Store
    private let service: Service
    private let api: TimestepAPI
    private let server: HTTPServer
    private let logger: Logger
    /// Where it listens.
    let port: Int

    /// - Parameter crashes: of this process before this start.
    init(
        _ settings: ServerSettings, acceptsLoss: Bool, crashes: Int, logger: Logger
    ) throws(CommandError) {
        self.logger = logger
        let began = ContinuousClock.now
        var settings = settings
        settings.api.isOnLoopback = APIConfiguration.isLoopback(settings.http.host)
        settings.api.maximumListeners = APIConfiguration.listeners(
            ofConnections: HTTPServer.mostConnections(settings.http))
        settings.http.memory = MemoryBudget(limit: settings.http.requestMemory)
        settings.service.workerCommand =
            ["/proc/self/exe", "worker", "--supervised"] + SettingsResolver.workerFlags(settings)
        var options = Store.Options()
        options.keptCheckpoints = settings.service.retention.checkpoints
        options.acceptsLoss = acceptsLoss
        options.leaseClock = .system()
        options.lease = settings.service.lease
        do {
            store = try Self.open(settings.service.dataDirectory, options, attempts: crashes > 0 ? 20 : 1)
        } catch {
            var detail = "the data folder \(settings.service.dataDirectory) cannot be used: \(error)"
            if error.reason == .transactionsLost {
                detail +=
                    "; or start once with --accept-data-loss: what the database has is served, and the files that it "
                    + "does not name are moved to the folder trash and kept there for "
                    + OptionValue.show(duration: settings.service.retention.trash)
            }
            throw CommandError(.unavailable, detail)
        }
        service = Service(configuration: settings.service, store: store, logger: logger)
        if let loss = store.acceptedLoss {
            logger.warning("data loss was accepted", metadata: ["loss": "\(loss)"])
        }
        service.tell(of: store.orphansAtStart)
        api = TimestepAPI(service: service, configuration: settings.api, logger: logger)
        if let memory = settings.http.memory {
            service.metrics.follow(
                Metrics.Family(.gauge, "timestep_request_memory_bytes", "Memory that requests under way hold.")
            ) { [([], Double(memory.used))] }
        }
        service.metrics.follow(
            Metrics.Family(.counter, "timestep_crashes_total", "Faults that this process began again after.")
        ) { [([], Double(crashes))] }
        server = HTTPServer(configuration: settings.http, application: api, logger: logger)
        let address: (host: String, port: Int)
        do {
            address = try server.start()
        } catch {
            throw CommandError(.unavailable, "the server cannot start: \(error)")
        }
        port = address.port
        service.start()
        let host = address.host.contains(":") ? "[\(address.host)]" : address.host
        logger.info(
            "ready",
            metadata: [
                "address": "http://\(host):\(address.port)", "data": "\(settings.service.dataDirectory)",
                "workers": "\(settings.service.workers)", "pid": "\(getpid())", "version": "\(Version.text)",
                "instruction_set": "\(settings.service.kernelInstructionSet.rawValue)",
                "start_seconds": "\((ContinuousClock.now - began).timeInterval)",
            ])
    }

    /// After a crash the lock may be held a moment longer, by a worker that was just being started.
    private static func open(
        _ directory: String, _ options: Store.Options, attempts: Int
    ) throws(StoreError) -> Store {
        for _ in 1..<attempts {
            do {
                return try Store(directory: directory, role: .server, options: options, at: Date())
            } catch {
                guard case .serverRunning = error.reason else { throw error }
                usleep(100_000)
            }
        }
        return try Store(directory: directory, role: .server, options: options, at: Date())
    }

    /// Connections and workers are stopped side by side, so the whole takes `limit` and not twice that. Should a part
    /// hang all the same, the process ends a moment later: what is on the disk is whole at any time.
    func stop(within limit: Duration) {
        let logger = logger
        DispatchQueue.global().asyncAfter(deadline: .now() + limit.timeInterval + 5) {
            logger.error("the stop took too long; ending now")
            _exit(ExitStatus.unavailable.rawValue)
        }
        api.stopWaiting()
        let workers = DispatchGroup()
        DispatchQueue.global().async(group: workers) { [service] in service.stop(within: limit) }
        let isComplete = server.stop(within: limit)
        workers.wait()
        do {
            try store.close()
        } catch {
            logger.error("the database was not closed in order", metadata: ["error": "\(error)"])
        }
        logger.info("stopped", metadata: ["requests": isComplete ? "all answered" : "some cut"])
    }
}
