import Formats
import HTTPServer
import Service

/// Health, metrics, and the contract. Probes and scrapers may add what query they like.
extension Call {
    func health() throws {
        answer { writer in
            writer.object { writer in
                writer.member("status", "ok")
                writer.member("version", Service.codeVersion)
            }
        }
    }

    func readiness() throws {
        let checks = service.readiness()
        let isReady = checks.allSatisfy { $0.ok || !$0.isVital }
        answer(isReady ? 200 : 503, fields: isReady ? [:] : ["Retry-After": "1"]) { writer in
            writer.object { writer in
                writer.member("status", isReady ? "ready" : "not_ready")
                writer.key("checks")
                writer.array { writer in
                    for check in checks {
                        writer.object { writer in
                            writer.member("name", check.name)
                            writer.member("ok", check.ok)
                            writer.member("detail", check.detail)
                        }
                    }
                }
            }
        }
    }

    func metrics() throws {
        responder.respond(Response(type: MediaType.plain.field, text: service.metrics.render()))
    }

    func contract() throws {
        if isKnown(Contract.tag) { return answerUnchanged(Contract.tag) }
        responder.respond(Response(type: MediaType.yaml.field, bytes: Contract.bytes, fields: ["ETag": Contract.tag]))
    }
}
