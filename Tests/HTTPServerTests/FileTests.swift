import Glibc
import Testing
import Wire

@testable import HTTPServer

@Suite("Answers from files")
struct FileTests {
    /// A file for as long as `body` runs.
    private func withFile(_ content: [UInt8], _ body: (String) throws -> Void) throws {
        var path = Array("/tmp/timestep-file-XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        let name = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(name) }
        var rest = content[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            try #require(count > 0)
            rest = rest.dropFirst(count)
        }
        close(descriptor)
        try body(name)
    }

    private func route(_ path: String) -> Route {
        Route(.get, "/f", name: "f", execution: .onLoop) { _, responder in
            let fields: Fields = ["Content-Type": "application/octet-stream"]
            responder.respond(Response(status: 200, fields: fields, body: .file(path: path)))
        }
    }

    @Test("a file arrives byte for byte, whatever its size", arguments: [0, 1, 131_072, 131_073, 20_000_000])
    func whole(_ count: Int) throws {
        // A prime period, so that pieces of round sizes in a wrong order show.
        let period = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
        var content: [UInt8] = []
        while content.count < count { content += period }
        content.removeLast(content.count - count)
        try withFile(content) { path in
            try withServer(routes: [route(path)]) { _, port in
                let client = try client(port)
                for _ in 0..<2 {
                    let answer = try client.request(.get, "/f")
                    #expect(answer.head.fields["Content-Length"] == "\(count)")
                    #expect(answer.head.fields["Content-Type"] == "application/octet-stream")
                    #expect(answer.body == content)
                }
                let head = try client.request(.head, "/f")
                #expect(head.head.fields["Content-Length"] == "\(count)" && head.body.isEmpty)
            }
        }
    }

    @Test(
        "a file that is not there, or is none, is the application's to explain", arguments: ["/no/such/file", "/tmp"])
    func missing(_ path: String) throws {
        try withServer(routes: [route(path)]) { _, port in
            let answer = try client(port).request(.get, "/f")
            #expect(answer.head.status == 500)
            #expect(text(answer.body).hasPrefix("thrown: \(path) cannot be sent"))
        }
    }

    @Test("a file that becomes shorter while it is sent breaks the answer off")
    func shortened() throws {
        try withFile([UInt8](repeating: 1, count: 30_000_000)) { path in
            try withServer(routes: [route(path)]) { _, port in
                let client = try RawClient(port)
                try client.send("GET /f HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try client.receive(until: "\r\n\r\n"))
                // The peer has read little, so most of the file is not read yet.
                truncate(path, 1_000)
                var count = client.received.count
                repeat {
                    count += client.received.count
                    client.forget()
                } while try client.receiveSome()
                #expect(client.isAtEnd && count < 30_000_000)
            }
        }
    }
}
