import Formats
import NamedFields
import Resources
import Service
import Store
import Training

/// The body of `POST /train`: every short form spelt out, every default filled in, every violation noted.
extension TrainRequest {
    /// Beside those of the specification.
    static let ownFields = ["model", "data", "tags", "description"]

    /// Of a document that has its records.
    init?(reading body: JSONReader) {
        // Without a limit no memory is refused.
        do { try self.init(reading: body, records: nil, memory: .unlimited) } catch { return nil }
    }

    /// Nil, with violations noted, where it cannot be read.
    ///
    /// - Parameter records: what stood at `data.records`, which the document has without its elements.
    init?(reading body: JSONReader, records: InlineRecords?, memory: MemoryShare) throws {
        let specified = FieldOutline(TrainingSpec.self).names
        guard body.fields(Self.ownFields + specified) else { return nil }
        let model = body.required("model")?.name("a model")
        var spec = TrainingSpec()
        let findings = body.fields(of: &spec, members: specified)
        let data = try body.required("data").flatMap { try DataPayload(reading: $0, records, memory) }
        let tags = body.optional("tags")?.tags() ?? [:]
        let summary = body.optional("description")?.text(most: TextLimit.description)
        // What is wrong beyond the form is asked of the specification itself, also where a part of it was unreadable.
        var checked: CheckedSpec?
        var further = Violations([])
        do { checked = try CheckedSpec(spec) } catch { further = error.under(body.path) }
        let found = findings.complete(with: further)
        body.collector.add(found)
        guard let model, let data, let checked, found.isEmpty else { return nil }
        self.init(
            model: model, spec: checked, source: data.source, missing: data.missing, tags: tags, summary: summary)
    }
}

/// Where the data comes from: exactly one of three, and what to do about gaps in it.
private struct DataPayload {
    static let fields = ["csv", "records", "dataset", "missing"]

    var source: TrainRequest.Source
    var missing: MissingPolicy

    init?(reading data: JSONReader, _ passed: InlineRecords?, _ memory: MemoryShare) throws {
        guard data.fields(Self.fields) else { return nil }
        missing = data.choice("missing", default: .error)
        let given = ["csv", "records", "dataset"].filter { data.optional($0) != nil }
        guard given.count == 1 else {
            let found = given.isEmpty ? "none of them" : given.map { "\"\($0)\"" }.joined(separator: " and ")
            data.fail("expected one of \"csv\", \"records\" and \"dataset\", found \(found)")
            return nil
        }
        if let csv = data.optional("csv") {
            guard let text = csv.string() else { return nil }
            try memory.take(
                text.utf8.count, for: "the data of the request (as a dataset it may have any size: POST /datasets)")
            source = .inline(format: .csv, bytes: Array(text.utf8))
        } else if let records = data.optional("records") {
            if let passed, passed.count > 0 {
                guard passed.note(at: records) else { return nil }
                source = .inline(format: .json, bytes: passed.take())
            } else {
                guard let elements = records.elements() else { return nil }
                let others = elements.filter { $0.value.object == nil && $0.value.count == nil }
                for other in others {
                    other.fail("expected a record, an object or an array, found \(other.value.kindName)")
                }
                guard others.isEmpty else { return nil }
                source = .inline(format: .json, bytes: records.value.bytes)
            }
        } else {
            guard let id = data.string("dataset") else { return nil }
            source = .dataset(id)
        }
    }
}

/// The records of a request to train, written out again one by one as they are read: as a tree they would take twenty
/// times their text.
final class InlineRecords {
    private(set) var count = 0
    private var writer = JSONWriter()
    private var taken = 0
    /// The first that are no records, and what they are.
    private var others: [(index: Int, kind: String)] = []
    private var omitted = 0
    private let expected: Int
    private let memory: MemoryShare

    /// - Parameter length: of the whole text, which they will hardly exceed without their spaces.
    init(textLength length: Int, memory: MemoryShare) {
        expected = length
        self.memory = memory
    }

    static let plan = ["data", "records"]

    func append(_ record: JSON, at index: Int) throws(MemoryRefusal) {
        if count == 0 {
            try take(expected)
            writer = JSONWriter(capacity: expected)
            writer.beginArray()
        }
        count = index + 1
        if record.object == nil, record.count == nil {
            if others.count < ViolationCollector.told { others.append((index, record.kindName)) } else { omitted += 1 }
        }
        writer.value(record)
        // Where numbers come out longer than they went in, it grows: the old and the new one stand side by side then.
        if writer.capacity > taken { try take(3 * writer.capacity) }
    }

    private func take(_ bytes: Int) throws(MemoryRefusal) {
        try memory.take(bytes - taken, for: "the records of the request")
        taken = bytes
    }

    /// False, with violations, where some are no records.
    func note(at reader: JSONReader) -> Bool {
        for other in others {
            reader.collector.add(
                at: reader.path + [.index(other.index)],
                "expected a record, an object or an array, found \(other.kind)")
        }
        for _ in 0..<omitted { reader.collector.add(at: reader.path, "") }
        return others.isEmpty
    }

    func take() -> [UInt8] {
        writer.endArray()
        return writer.take()
    }
}

extension JSONReader {
    /// A name that people choose.
    func name(_ what: String) -> String? {
        guard let name = string() else { return nil }
        if ModelName.isValid(name) { return name }
        fail("\"\(name.excerpt())\" cannot name \(what): expected \(ModelName.rule)")
        return nil
    }

    /// Free labels: an object of strings.
    func tags() -> [String: String]? {
        guard let object = value.object else {
            fail("expected an object of strings, found \(value.kindName)")
            return nil
        }
        guard object.count <= TextLimit.tags else {
            fail("\(object.count) tags; at most \(TextLimit.tags) are kept")
            return nil
        }
        var tags: [String: String] = [:]
        for key in object.keys {
            guard let member = required(key) else { continue }
            if key.utf8.count > TextLimit.tagName {
                member.fail("a tag's name of \(key.utf8.count) bytes; at most \(TextLimit.tagName) are kept")
            }
            tags[key] = member.text(most: TextLimit.tag)
        }
        return tags
    }

    /// A text that is kept and told again as it is.
    func text(most: Int) -> String? {
        guard let text = string() else { return nil }
        if text.utf8.count <= most { return text }
        fail("a text of \(text.utf8.count) bytes; at most \(most) are kept")
        return nil
    }
}

/// How much is kept of what people say of a job or a model; all of it is told in every answer about them. In bytes.
enum TextLimit {
    static let description = 10_000
    /// How many.
    static let tags = 100
    static let tagName = 128
    static let tag = 1024
}

extension ModelName {
    static let rule = "1 to \(maximumLength) letters, digits, '.', '_' or '-', the first no '.' or '-'"
}
