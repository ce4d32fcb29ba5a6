import Formats
import HTTPServer
import Kernels
import Service
import Store
import Wire

/// The registry: models, versions, aliases, and their log.
extension Call {
    func listModels() throws {
        var query = Query(request)
        let after = query.text("after")
        let limit = query.limit()
        try query.check()
        let page = try service.models(after: after, limit: limit)
        answerList((page.items, page.hasMore)) { $1.model($0) }
    }

    func showModel() throws {
        try noQuery()
        let model = try service.model(capture("name"))
        answer { $0.model(model) }
    }

    func updateModel() throws {
        try noQuery()
        let update = try decode(ModelUpdate.init(reading:))
        let model = try service.update(
            capture("name"), description: update.description, tags: update.tags, precision: update.precision)
        answer { $0.model(model) }
    }

    func deleteModel() throws {
        var query = Query(request)
        let force = query.flag("force")
        try query.check()
        try service.deleteModel(capture("name"), force: force)
        answerEmpty()
    }

    func importModel() throws {
        if hasLongBody { return try handOff(to: api.queues.bulk) { try readModel() } }
        try readModel()
    }

    private func readModel() throws {
        var query = Query(request)
        let name = query.text("name")
        if name == nil { query.fail("name", "\"name\" is required: the model to add a version to") }
        if let name, !ModelName.isValid(name) {
            query.fail("name", "expected \(ModelName.rule), found \"\(name.excerpt())\"")
        }
        try query.check()
        let type = request.fields["Content-Type"] ?? ""
        guard MediaType(field: type) == .octets else {
            throw unsupported(type, expected: MediaType.octets.rawValue)
        }
        let version = try fileCheck {
            try service.importModel(name: name ?? "", bytes: request.body, memory: request.memory)
        }
        try created("/models/\(version.model)/versions/\(version.version)") { try write(version, to: &$0) }
    }

    func listVersions() throws {
        var query = Query(request)
        let after = query.int("after", in: 1...Int.max)
        let limit = query.limit()
        try query.check()
        let model = try service.model(capture("name"))
        let page = try service.versions(of: model.name, after: after, limit: limit)
        answerList((page.items, page.hasMore)) { version, writer in
            writer.version(version, service.summary(of: version), aliases: model.names(of: version.version))
        }
    }

    func showVersion() throws {
        try noQuery()
        let version = try namedVersion()
        var writer = JSONWriter()
        try write(version, to: &writer)
        let bytes = writer.take()
        let tag = EntityTag.of(bytes)
        if isKnown(tag) { return answerUnchanged(tag) }
        responder.respond(Response(type: MediaType.json.field, bytes: bytes, fields: ["ETag": tag]))
    }

    func deleteVersion() throws {
        let number = try number("n")
        var query = Query(request)
        let force = query.flag("force")
        try query.check()
        try service.deleteVersion(number, of: capture("name"), force: force)
        answerEmpty()
    }

    func modelFile() throws {
        try noQuery()
        let version = try namedVersion()
        let tag = "\"\(version.digest)\""
        if isKnown(tag) { return answerUnchanged(tag) }
        let fields: Fields = [
            "Content-Type": MediaType.octets.field,
            "ETag": tag,
            "Content-Disposition": "attachment; filename=\"\(version.model)-\(version.version).timestep\"",
        ]
        responder.respond(Response(status: 200, fields: fields, body: .file(path: try service.modelPath(of: version))))
    }

    func showAlias() throws {
        var query = Query(request)
        let time = query.time("at")
        try query.check()
        try requireAliasName()
        let alias = try service.alias(capture("alias"), of: capture("name"), at: time)
        // Asked about now, a name that means nothing is unknown; asked about a time, that is the answer.
        if time == nil, alias.version == nil {
            throw Problem(.aliasNotFound, "model \"\(capture("name"))\" has no alias \"\(capture("alias"))\"")
        }
        answer { $0.alias(alias, of: capture("name")) }
    }

    func setAlias() throws {
        try noQuery()
        try requireAliasName()
        let alias = capture("alias")
        let update = try decode(AliasUpdate.init(reading:))
        _ = try service.setAlias(alias, of: capture("name"), to: update.version)
        let state = try service.alias(alias, of: capture("name"))
        answer { $0.alias(state, of: capture("name")) }
    }

    func removeAlias() throws {
        try noQuery()
        try requireAliasName()
        try service.removeAlias(capture("alias"), of: capture("name"))
        answerEmpty()
    }

    func listLog() throws {
        var query = Query(request)
        let after = query.int("after", in: 0...Int.max) ?? 0
        let limit = query.limit()
        try query.check()
        let page = try service.log(of: capture("name"), after: Int64(after), limit: limit)
        answerList((page.items, page.hasMore)) { $1.logEntry($0) }
    }

    /// What is wrong with a file has no place in it that a pointer could tell.
    func fileCheck<Result>(_ take: () throws -> Result) throws -> Result {
        do { return try take() } catch let error as ServiceError where error.reason == .invalid {
            throw Problem(.invalidFile, error.detail)
        }
    }

    /// What cannot name an alias is no alias of any time.
    private func requireAliasName() throws(Problem) {
        let alias = capture("alias")
        if ModelName.isValid(alias) { return }
        throw .invalid([
            Problem.Item(place: .parameter("alias"), detail: "expected \(ModelName.rule), found \"\(alias.excerpt())\"")
        ])
    }

    private func namedVersion() throws -> ModelVersion {
        try service.version(ModelReference(name: capture("name"), selector: .number(try number("n"))))
    }

    private func write(_ version: ModelVersion, to writer: inout JSONWriter) throws {
        let model = try service.model(version.model)
        writer.version(version, service.summary(of: version), aliases: model.names(of: version.version))
    }
}

/// What may be changed of a model; nil stays as it is.
struct ModelUpdate {
    static let fields = ["description", "tags", "precision"]

    var description: String?
    var tags: [String: String]?
    /// Of predictions and sessions that do not ask for one.
    var precision: Precision?

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields) else { return nil }
        description = body.optional("description")?.text(most: TextLimit.description)
        tags = body.optional("tags")?.tags()
        precision = body.precision()
    }
}

/// What an alias is to name.
struct AliasUpdate {
    static let fields = ["version"]

    var version: Int

    init?(reading body: JSONReader) {
        guard body.fields(Self.fields), let version = body.int("version", in: 1...JSON.largestExactInteger) else {
            return nil
        }
        self.version = version
    }
}

extension ModelInfo {
    /// The aliases of one version.
    func names(of version: Int) -> [String] { aliases.filter { $0.value == version }.map(\.key).sorted() }
}
