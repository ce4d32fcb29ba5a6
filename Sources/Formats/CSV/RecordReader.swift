import Networks
import Training

/// What a reader of datasets tells about the records it finds. Records with violations are not handed over.
protocol RecordConsumer: AnyObject {
    /// The columns of a CSV text, before its first row.
    func header(_ names: [String])
    func row(_ row: CSVRow, _ place: RecordPlace)
    func record(_ record: JSON, _ place: RecordPlace)
}

/// Turns the bytes of a dataset into records as they arrive, and notes everything that is wrong with their form:
/// quotes, brackets, encoding, header, rows with too few or too many fields.
final class RecordReader {
    /// More would make a schema of megabytes and no network anyone means.
    static let mostColumns = 16_384

    private let format: DatasetFormat
    private let collector: ViolationCollector
    private unowned let consumer: any RecordConsumer
    private var csv = CSVParser()
    private var json: JSONRecordSplitter
    private var header: [String]?
    /// Blank lines are missing values of a one-column table, unless the text ends with them: those since the last row.
    private var blankLines = 0..<0
    /// What follows has no meaning any more, so it is not read.
    private var hasGivenUp = false
    private(set) var records = 0

    /// - consumer: told of the records; not kept alive by the reader
    init(_ format: DatasetFormat, for consumer: any RecordConsumer, _ collector: ViolationCollector) {
        self.format = format
        self.consumer = consumer
        self.collector = collector
        json = JSONRecordSplitter(format == .ndjson ? .lines : .array)
    }

    func push(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard !hasGivenUp else { return }
        switch format {
        case .csv: csv.push(bytes) { read($0) }
        case .ndjson, .json: splitting { try json.push(bytes) { read($0) } }
        }
    }

    /// Ends the text and checks that there was something in it.
    func finish() {
        guard !hasGivenUp else { return }
        switch format {
        case .csv: csv.finish { read($0) }
        case .ndjson, .json: splitting { try json.finish { read($0) } }
        }
        guard !hasGivenUp, records == 0, collector.isEmpty else { return }
        collector.add(
            at: [],
            format != .csv
                ? "there are no records" : header == nil ? "the text is empty" : "there is a header and no row after it"
        )
    }

    // MARK: CSV

    private func read(_ row: CSVRow) {
        guard !hasGivenUp else { return }
        if row.isBlank {
            if header?.count == 1 {
                blankLines = (blankLines.isEmpty ? row.line : blankLines.lowerBound)..<row.line + 1
            }
            return
        }
        for line in blankLines { blankRow(line) }
        blankLines = 0..<0
        if let fault = row.fault {
            let isHeader = header == nil
            if !isHeader { records += 1 }
            let place = RecordPlace(number: max(records, 1), line: row.line, noun: "row")
            collector.add(
                at: isHeader ? [] : place.path, (isHeader ? "the header" : place.description) + ": \(fault)")
            if case .tooLong = fault { hasGivenUp = true }
            if isHeader { hasGivenUp = true }
            return
        }
        guard let header else { return readHeader(row) }
        records += 1
        let place = RecordPlace(number: records, line: row.line, noun: "row")
        if row.count != header.count {
            collector.add(
                at: place.path,
                "\(place.description) has \(row.count) \(row.count == 1 ? "field" : "fields"), "
                    + "the header names \(header.count)")
        } else if !row.isUTF8 {
            collector.add(at: place.path, "\(place.description) is not UTF-8")
        } else {
            consumer.row(row, place)
        }
    }

    /// A blank line of a one-column table, handed over as a row with an empty field.
    private func blankRow(_ line: Int) {
        records += 1
        let place = RecordPlace(number: records, line: line, noun: "row")
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { bytes in
            bytes[0] = 0
            guard let base = bytes.baseAddress else { return }
            withUnsafePointer(to: CSVRow.Field(start: 0, end: 0, isQuoted: false)) { field in
                consumer.row(
                    CSVRow(
                        base: base, fields: UnsafeBufferPointer(start: field, count: 1), count: 1, line: line,
                        fault: nil), place)
            }
        }
    }

    private func readHeader(_ row: CSVRow) {
        guard row.count <= Self.mostColumns else {
            collector.add(at: [], "the header names \(row.count) columns, at most \(Self.mostColumns) are taken")
            hasGivenUp = true
            return
        }
        guard row.isUTF8 else {
            collector.add(at: [], "the header is not UTF-8")
            hasGivenUp = true
            return
        }
        let names = (0..<row.count).map { row.isQuoted($0) ? row.text($0) : row.text($0).trimmingBlanks() }
        header = names
        var first: [String: Int] = [:]
        for (position, name) in names.enumerated() {
            if name.isEmpty {
                let hint = position == 0 ? " (a table written with its index has one too many)" : ""
                collector.add(at: [], "column \(position + 1) of the header has no name\(hint)")
            } else if name.utf8.count > ModelLimit.nameBytes {
                collector.add(at: [], Self.longName(name, "column \(position + 1) of the header"))
            } else if let earlier = first.updateValue(position, forKey: name) {
                collector.add(
                    at: [], "columns \(earlier + 1) and \(position + 1) are both called \"\(name.excerpt())\"")
            }
        }
        if names.count == 1, let separator = [";", "\t", "|"].first(where: { names[0].contains($0) }) {
            collector.add(
                at: [],
                "the header is one column, \"\(names[0].excerpt())\"; fields are separated by commas, not by "
                    + (separator == "\t" ? "tabs" : "'\(separator)'"))
        }
        consumer.header(names)
    }

    static func longName(_ name: String, _ place: String) -> String {
        "\(place): the name \"\(name.excerpt())\" has \(name.utf8.count) bytes; at most \(ModelLimit.nameBytes) are taken"
    }

    // MARK: JSON

    private func splitting(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            collector.add(at: [], "\(error)")
            hasGivenUp = true
        }
    }

    private func read(_ record: JSONRecordSplitter.Record) {
        guard !hasGivenUp else { return }
        if format == .ndjson, record.bytes.allSatisfy({ $0 <= Ascii.space }) { return }
        records += 1
        let place = RecordPlace(number: records, line: record.line, noun: "record")
        let value: JSON
        do {
            value = try JSON.parse(record.bytes, limits: JSONLimits(members: Self.mostColumns))
        } catch {
            var column = error.column
            if error.line == 1 { column += record.column - 1 }
            let line = record.line + error.line - 1
            collector.add(
                at: place.path, "record \(records): line \(line), column \(column): \(error.explanation)")
            hasGivenUp = format == .json  // where the next record begins is anyone's guess
            return
        }
        if let count = value.count, value.object == nil, count > Self.mostColumns {
            collector.add(
                at: place.path, "\(place.description) has \(count) elements, at most \(Self.mostColumns) are taken")
        } else if format == .ndjson, case .array(let elements) = value, elements.contains(where: { $0.object != nil }) {
            collector.add(
                at: place.path,
                "\(place.description) is an array of objects; every line is one record here, a single array of records "
                    + "is application/json")
        } else if value.object == nil, value.count == nil {
            collector.add(at: place.path, "\(place.description): expected an object, found \(value.kindName)")
        } else {
            consumer.record(value, place)
        }
    }
}
