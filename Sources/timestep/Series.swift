import Foundation

/// The columns of a small CSV as the terminal needs them: to draw a forecast beside what really happened.
///
/// Only for display. What is trained on is read by the server.
struct Series {
    var header: [String]
    var rows: [[String]]

    init(csv text: String) throws(CommandError) {
        var lines = Self.records(text)
        guard !lines.isEmpty else { throw CommandError(.file, "the CSV is empty; it needs a header row") }
        header = lines.removeFirst()
        rows = lines
    }

    func column(_ name: String) throws(CommandError) -> [String] {
        guard let index = header.firstIndex(of: name) else {
            throw CommandError(
                .file, "there is no column \"\(name)\"; the columns are \(header.joined(separator: ", "))")
        }
        return rows.map { index < $0.count ? $0[index] : "" }
    }

    /// Numbers; nil where a field is empty or no number.
    func numbers(_ name: String) throws(CommandError) -> [Double?] {
        try column(name).map { Double($0.trimmingCharacters(in: .whitespaces)) }
    }

    /// RFC 4180: fields may be quoted, quotes in them doubled, and line ends stand in them.
    private static func records(_ text: String) -> [[String]] {
        var records: [[String]] = []
        var record: [String] = []
        var field = ""
        var isQuoted = false
        var wasQuote = false
        func endRecord() {
            record.append(field)
            if record != [""] { records.append(record) }
            record = []
            field = ""
        }
        for character in text {
            if isQuoted {
                if character == "\"" {
                    isQuoted = false
                    wasQuote = true
                } else {
                    field.append(character)
                }
                continue
            }
            switch character {
            case "\"":
                // Right after a closing quote it is a doubled one.
                if wasQuote { field.append("\"") }
                isQuoted = true
            case ",":
                record.append(field)
                field = ""
            case "\n", "\r\n", "\r": endRecord()
            case "\u{FEFF}" where records.isEmpty && record.isEmpty && field.isEmpty: break
            default: field.append(character)
            }
            wasQuote = false
        }
        if !field.isEmpty || !record.isEmpty { endRecord() }
        return records
    }
}
