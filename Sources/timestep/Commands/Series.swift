import Formats
import Foundation

/// The columns of a small CSV as the terminal needs them: to draw a forecast beside what really happened.
///
/// Only for display. What is trained on is read by the server.
struct Series {
    var header: [String]
    var rows: [[String]]

    init(csv text: String) throws(CommandError) {
        var lines: [[String]] = []
        var parser = CSVParser()
        var fault: String?
        func take(_ row: CSVRow) {
            if let found = row.fault { fault = fault ?? "the CSV, line \(row.line): \(found)" }
            if !row.isBlank { lines.append((0..<row.count).map(row.text)) }
        }
        parser.push(Array(text.utf8), row: take)
        parser.finish(row: take)
        if let fault { throw CommandError(.file, fault) }
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
}
