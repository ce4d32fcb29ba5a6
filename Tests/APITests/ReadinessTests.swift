import Formats
import Foundation
import Testing
import Wire

@testable import API

/// What `/readyz` and `/metrics` tell of a server that cannot do all of its work.
struct ReadinessTests {
    private func check(_ name: String, of server: TestServer, expecting status: Int) throws -> Bool? {
        let checks = try server.send(.get, "/readyz", expecting: status)["checks"]?.array ?? []
        return checks.first { $0["name"]?.string == name }?["ok"]?.bool
    }

    @Test("a data folder that cannot be written makes the server not ready, and the answer does not say where it lies")
    func unwritableDisk() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        // A folder where the probe would lie: it cannot be removed as a file, whoever asks.
        let obstacle = server.store.directory + "/probe"
        try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
        #expect(try check("disk", of: server, expecting: 503) == false)
        let text = try server.send(.get, "/readyz").text
        #expect(!text.contains(server.store.directory))
        #expect(try server.send(.get, "/metrics").text.contains("timestep_disk_writable 0\n"))
        // What needs no disk is answered.
        try server.send(.get, "/jobs", expecting: 200)
    }

    @Test("an upload that the data folder does not take is refused with the cause, and taken once that is mended")
    func unwritableFolder() throws {
        let server = try TestServer(hasWorker: false)
        defer { server.stop() }
        // Permissions would not stop a test that runs as root.
        let folder = server.store.directory + "/datasets"
        try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
        func upload(_ status: Int) throws -> JSON {
            try server.send(
                .post, "/datasets", fields: ["Content-Type": "text/csv"], bytes: Array(Bodies.months.utf8),
                expecting: status)
        }
        let problem = try upload(507)
        #expect(problem["code"]?.string == "disk_unwritable")
        #expect(problem["detail"]?.string?.contains(server.store.directory) == false)
        #expect(problem["detail"]?.string?.contains("see to its permissions") == true)
        try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
        _ = try upload(201)
    }

    @Test("missing workers are told and make nobody stay away; the first job of the queue shows how long it has waited")
    func missingWorkers() throws {
        let server = try TestServer(hasWorker: false) { configuration in
            configuration.workers = 2
            configuration.workerCommand = ["/no/such/program"]
        }
        defer { server.stop() }
        #expect(try check("workers", of: server, expecting: 200) == false)
        #expect(try check("queue", of: server, expecting: 200) == true)
        try server.send(.post, "/train", Bodies.forecast(), expecting: 202)
        usleep(20_000)
        let metrics = try server.send(.get, "/metrics").text
        let line = metrics.split(separator: "\n").first { $0.hasPrefix("timestep_queue_wait_seconds ") }
        let wait = try #require(line?.split(separator: " ").last)
        #expect(try #require(Double(wait)) > 0)
        for name in ["timestep_disk_free_bytes", "timestep_workers_silent", "timestep_workers_silenced_total"] {
            #expect(metrics.contains("\n\(name) "), "\(name)")
        }
    }
}
