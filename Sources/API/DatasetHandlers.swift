import Formats
import HTTPServer
import Service
import Store
import Wire

/// Datasets: data that is uploaded once and referred to by id.
extension Call {
    /// The body goes to the disk as it comes; a client that sends faster than the disk writes is slowed down.
    func uploadDataset() throws {
        try noQuery()
        let name = request.fields["Content-Type"] ?? ""
        guard let format = DatasetFormat(mediaType: name) else {
            let known = DatasetFormat.allCases.map(\.mediaType)
            throw unsupported(
                name, expected: known.dropLast().joined(separator: ", ") + " or " + (known.last ?? ""))
        }
        guard let body = request.bodyStream else {
            throw Problem(.internalError, "the body of the upload is not at hand; please report this")
        }
        Upload(self, body, try service.beginDataset(format: format)).start()
    }

    func answerUpload(_ dataset: Dataset) throws {
        let summary = service.readableSummary(of: dataset)
        created("/datasets/\(dataset.id)") { $0.dataset(dataset, summary) }
    }

    func listDatasets() throws {
        var query = Query(request)
        let after = query.text("after")
        let limit = query.limit()
        try query.check()
        let page = try service.datasets(after: after, limit: limit)
        answerList((page.items, page.hasMore)) { $1.dataset($0, service.readableSummary(of: $0)) }
    }

    func showDataset() throws {
        try noQuery()
        let dataset = try service.dataset(capture("id"))
        let summary = service.readableSummary(of: dataset)
        answer { $0.dataset(dataset, summary) }
    }

    func deleteDataset() throws {
        try noQuery()
        try service.deleteDataset(capture("id"))
        answerEmpty()
    }
}

extension JSONWriter {
    /// - Parameter summary: nil where the stored text is none that this program can read.
    mutating func dataset(_ dataset: Dataset, _ summary: DatasetSummary?) {
        object { writer in
            writer.member("object", "dataset")
            writer.member("id", dataset.id)
            writer.member("origin", dataset.origin.rawValue)
            writer.member("format", dataset.format)
            writer.member("rows", dataset.rows)
            writer.key("columns")
            if let summary {
                writer.array { writer in for column in summary.columns { writer.column(column) } }
            } else {
                writer.null()
            }
            writer.key("sequences")
            if let sequences = summary?.sequences { writer.sequences(sequences) } else { writer.null() }
            writer.member("bytes", dataset.bytes)
            writer.member("digest", dataset.digest)
            writer.member("created_at", Timestamp.text(dataset.createdAt))
            writer.member("last_used_at", Timestamp.text(dataset.lastUsedAt))
        }
    }

    private mutating func column(_ column: DatasetSummary.Column) {
        object { writer in
            writer.member("name", column.name)
            writer.member("kind", column.kind.rawValue)
            writer.member("missing", column.missing)
            writer.member("first_missing", column.firstMissing)
            writer.member("first_text", column.firstText)
            writer.member("sample", column.sample)
        }
    }

    private mutating func sequences(_ sequences: DatasetSummary.Sequences) {
        object { writer in
            writer.member("features", sequences.features)
            writer.member("shortest", sequences.shortest)
            writer.member("longest", sequences.longest)
            writer.member("steps", sequences.steps)
            writer.member("missing", sequences.missing)
            if let tokens = sequences.tokens { writer.member("tokens", tokens) }
        }
    }
}
