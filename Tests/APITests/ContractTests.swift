import Formats
import Foundation
import HTTPServer
import Testing

@testable import API

/// `openapi.yaml` and the code say the same, whichever of the two one starts from.
struct ContractTests {
    let contract = ContractDocument.shared

    @Test("every path of the contract is served, and nothing else is")
    func endpointsAgree() {
        let served = Set(
            TimestepAPI.endpoints.map { ContractDocument.Operation(method: $0.method.rawValue, path: $0.pattern) })
        #expect(served == Set(contract.operations.keys))
        #expect(served.count == TimestepAPI.endpoints.count)
    }

    @Test("an endpoint takes a body exactly where the contract has one")
    func bodiesAgree() {
        for endpoint in TimestepAPI.endpoints {
            let operation = contract.operations[.init(method: endpoint.method.rawValue, path: endpoint.pattern)]
            let takesBody =
                switch endpoint.body {
                case .none, .empty: false
                case .document, .modelFile, .dataset: true
                }
            #expect(takesBody == (operation?["requestBody"] != nil), "\(endpoint.method) \(endpoint.pattern)")
        }
    }

    @Test("every captured name of a path is declared as a parameter of it")
    func capturesAgree() {
        for (path, item) in contract.members(contract.root["paths"]) {
            let captured = path.split(separator: "/").filter { $0.hasPrefix("{") }.map {
                String($0.dropFirst().dropLast())
            }
            let declared = (item["parameters"]?.array ?? []).map(contract.resolve)
                .filter { $0["in"]?.string == "path" }.compactMap { $0["name"]?.string }
            #expect(captured == declared, "\(path)")
        }
    }

    @Test("every code of a problem stands in the contract, with an example of its status and title")
    func codesAgree() throws {
        let listed = contract.schema("Problem")["properties"]?["code"]?["enum"]?.array?.compactMap(\.string) ?? []
        #expect(listed == ProblemKind.allCases.map(\.code))
        var shown: Set<String> = []
        for (_, response) in contract.members(contract.root["components"]?["responses"]) {
            for content in contract.content(response).values {
                for example in contract.examples(content) {
                    guard let code = example["code"]?.string else { continue }
                    let kind = try #require(ProblemKind(rawValue: code))
                    #expect(example["status"]?.int == kind.status, "\(code)")
                    #expect(example["title"]?.string == kind.title, "\(code)")
                    #expect(example["type"]?.string == kind.uri, "\(code)")
                    #expect(example["detail"] == example["error"], "\(code)")
                    shown.insert(code)
                }
            }
        }
        #expect(Set(ProblemKind.allCases.map(\.code)) == shown)
    }

    @Test("an answer of the contract shows only problems of its own status")
    func answersShowTheirStatus() {
        for (operation, body) in contract.operations {
            for (status, response) in contract.responses(body) {
                for (type, content) in contract.content(response) where type == "application/problem+json" {
                    for example in contract.examples(content) where status != "default" {
                        #expect(example["status"]?.int == Int(status), "\(operation) \(status)")
                    }
                }
            }
        }
    }

    @Test("every operation names the statuses that any request can meet")
    func commonStatusesAreNamed() {
        let open: Set<String> = ["/healthz", "/readyz", "/openapi.yaml"]
        for (operation, body) in contract.operations {
            let statuses = contract.responses(body).keys
            if !open.contains(operation.path) { #expect(statuses.contains("401"), "\(operation)") }
            if operation.path != "/healthz", operation.path != "/openapi.yaml" {
                #expect(statuses.contains("500") && statuses.contains("503"), "\(operation)")
            }
            if body["requestBody"] != nil {
                for status in ["413", "415", "422", "408"] {
                    #expect(statuses.contains(status), "\(operation) \(status)")
                }
            }
        }
    }

    @Test("no component is left over, and no reference leads nowhere")
    func referencesAgree() {
        var named: Set<String> = []
        for (group, components) in contract.members(contract.root["components"]) where group != "securitySchemes" {
            for (name, _) in contract.members(components) { named.insert("#/components/\(group)/\(name)") }
        }
        #expect(contract.references == named)
    }

    @Test("every keyword of a schema is one that the tests hold values to, or a remark")
    func keywordsAreKnown() {
        var unknown: [String] = []
        func walk(_ schema: JSON, _ place: String) {
            for (keyword, rule) in contract.members(schema) {
                let inner = place + "/" + keyword
                switch keyword {
                case "properties": for (name, schema) in contract.members(rule) { walk(schema, inner + "/" + name) }
                case "oneOf": for branch in rule.array ?? [] { walk(branch, inner) }
                case "items", "additionalProperties": if rule.object != nil { walk(rule, inner) }
                default: if !SchemaCheck.isKnown(keyword) { unknown.append(inner) }
                }
            }
        }
        for (name, schema) in contract.members(contract.root["components"]?["schemas"]) { walk(schema, name) }
        for (name, parameter) in contract.members(contract.root["components"]?["parameters"]) {
            walk(parameter["schema"] ?? .null, name)
        }
        #expect(unknown == [])
    }

    @Test("every example fits its schema")
    func examplesFit() {
        for (operation, body) in contract.operations {
            var holders = [body["requestBody"] ?? .null]
            holders += contract.responses(body).values
            for holder in holders {
                for (type, content) in contract.content(holder) {
                    for example in contract.examples(content) {
                        let findings = SchemaCheck.findings(example, content["schema"] ?? .null)
                        #expect(findings.isEmpty, "\(operation) \(type)")
                    }
                }
            }
        }
        for (name, schema) in contract.members(contract.root["components"]?["schemas"]) {
            for example in schema["examples"]?.array ?? [] {
                #expect(SchemaCheck.findings(example, schema).isEmpty, "\(name)")
            }
            if let value = schema["default"] { #expect(SchemaCheck.findings(value, schema).isEmpty, "\(name)") }
        }
    }

    @Test("the lines of an example stream are events of the contract")
    func exampleStreamsFit() throws {
        var count = 0
        for (operation, body) in contract.operations {
            for response in contract.responses(body).values {
                let content = contract.content(response)
                guard let stream = content["text/event-stream"], let lines = content["application/x-ndjson"] else {
                    continue
                }
                for example in contract.examples(stream) {
                    for line in (example.string ?? "").split(separator: "\n") where line.hasPrefix("data: ") {
                        let event = try JSON.parse(Array(line.dropFirst(6).utf8))
                        #expect(SchemaCheck.findings(event, lines["schema"] ?? .null).isEmpty, "\(operation) \(line)")
                        count += 1
                    }
                }
            }
        }
        #expect(count >= 6)
    }
}
