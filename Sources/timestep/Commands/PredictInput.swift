import Formats

/// The sequences of a request, from a file in one of three forms.
struct PredictInput {
    /// What the model makes one step of.
    enum Row {
        /// The numbers of these columns.
        case numbers([String])
        case token
    }

    private let path: String
    private let bytes: [UInt8]

    init(path: String) throws(CommandError) {
        self.path = path
        bytes = try Files.read(path)
    }

    /// `row` is asked only where the file names its columns and the model must say which it wants.
    func body(row: () throws(CommandError) -> Row) throws(CommandError) -> JSONObject {
        let first = bytes.first { !($0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D) }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return try fromJSON()
        case nil: throw CommandError(.file, "\(path) is empty")
        default:
            switch try row() {
            case .numbers(let columns): return try fromCSV(columns)
            case .token: return try tokensFromCSV()
            }
        }
    }

    /// An object with members of the request, an array of sequences, or one object {"x": …} a line.
    private func fromJSON() throws(CommandError) -> JSONObject {
        if let document = try? JSON.parse(bytes) {
            if let object = document.object, document.read("DataRecord: x") == nil { return object }
            let sequences = document.read("DataRecord: x").map { JSON.array([$0]) } ?? document
            // The tokens of one sequence, or texts to be cut? The wrong guess would be answered, and the answer be wrong.
            if document[0]?.string != nil, document.array?.allSatisfy({ $0.string != nil }) == true {
                throw CommandError(.file, "\(path): a list of strings may be tokens or texts; \(Self.remedy)")
            }
            var body = JSONObject()
            body["inputs"] = sequences
            return body
        }
        var sequences: [JSON] = []
        for (number, line) in bytes.split(separator: 0x0A).enumerated() where !line.allSatisfy({ $0 <= 0x20 }) {
            do {
                let record = try JSON.parse(Array(line))
                guard let sequence = record.read("DataRecord: x") else {
                    throw CommandError(
                        .file,
                        "\(path), line \(number + 1): expected an object with \"x\", the rows, tokens or text of a sequence"
                    )
                }
                sequences.append(sequence)
            } catch let error as CommandError {
                throw error
            } catch {
                throw CommandError(.file, "\(path), line \(number + 1): \(error)")
            }
        }
        var body = JSONObject()
        body["inputs"] = .array(sequences)
        return body
    }

    /// The model's columns of the file, row after row, as one sequence.
    private func fromCSV(_ columns: [String]) throws(CommandError) -> JSONObject {
        let series = try Series(csv: String(decoding: bytes, as: UTF8.self))
        var values: [[Double?]] = []
        for column in columns { values.append(try series.numbers(column)) }
        var rows: [JSON] = []
        for row in series.rows.indices {
            let numbers = values.map { $0[row] }
            guard !numbers.contains(where: { $0 == nil }) else {
                throw CommandError(.file, "\(path), row \(row + 1): a number is missing")
            }
            rows.append(.array(numbers.map { .number($0 ?? 0) }))
        }
        var body = JSONObject()
        body["inputs"] = .array([.array(rows)])
        return body
    }

    private static let remedy =
        "write {\"x\": [\"The\", \"dog\"]} for the tokens of a sequence, {\"x\": \"The dog\"} for a text, one a line"

    /// The only column of the file, one token a row, as one sequence.
    private func tokensFromCSV() throws(CommandError) -> JSONObject {
        // A first string that is taken for the name of the column would be missing from the sequence.
        let lines = bytes.split(separator: 0x0A).filter { !$0.allSatisfy { $0 <= 0x20 } }
        guard !lines.allSatisfy({ (try? JSON.parse(Array($0)))?.string != nil }) else {
            throw CommandError(
                .file,
                "\(path): a string a line may be tokens or texts; \(Self.remedy); or a CSV with the name of its column, "
                    + "which is not quoted, in the first line")
        }
        let series = try Series(csv: String(decoding: bytes, as: UTF8.self))
        guard series.header.count == 1 else {
            throw CommandError(
                .file,
                "\(path): the model reads tokens, which a CSV lists in a single column, and the columns are "
                    + "\(series.header.joined(separator: ", ")); keep one of them, or \(Self.remedy)")
        }
        var tokens: [JSON] = []
        for (number, row) in series.rows.enumerated() {
            guard row.count == 1, !row[0].isEmpty else {
                throw CommandError(
                    .file,
                    "\(path), row \(number + 1): expected one token, found \(row.count == 1 ? "none" : "\(row.count)"); "
                        + "quotes stand around one that holds a comma")
            }
            tokens.append(.string(row[0]))
        }
        var body = JSONObject()
        body["inputs"] = .array([.array(tokens)])
        return body
    }
}
