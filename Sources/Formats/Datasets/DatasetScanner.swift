import NamedFields
import Networks
import Training

/// Reads a dataset once as it is uploaded: checks its form and learns its schema, holding no more than one record.
///
///     let scanner = DatasetScanner(format: .csv)
///     while let chunk = try body.read() { scanner.push(chunk) }
///     let summary = try scanner.finish()             // throws `Violations`: all of them, with row and column
///
/// Whether the columns suit a task is not its business: see `DatasetSummary.violations(for:missing:)`.
public final class DatasetScanner {
    private let format: DatasetFormat
    private let collector = ViolationCollector()
    private let survey: DatasetSurvey
    private let task: (reader: TaskReader, collector: ViolationCollector)?
    private let consumer: any RecordConsumer
    private let reader: RecordReader

    public convenience init(format: DatasetFormat) { self.init(format, nil) }

    /// Gathers what a task learns from on the way, so that nobody has to read the records again.
    ///
    /// - Parameter most: how many numbers may come of it; see `data`.
    public convenience init(format: DatasetFormat, for task: TaskSpec, missing: MissingPolicy, most: Int) {
        let collector = ViolationCollector()
        self.init(format, (TaskReader(task, missing: missing, most: most, collector), collector))
    }

    private init(_ format: DatasetFormat, _ task: (reader: TaskReader, collector: ViolationCollector)?) {
        self.format = format
        self.task = task
        let survey = DatasetSurvey(collector)
        self.survey = survey
        consumer = task.map { BothConsumers(first: survey, second: $0.reader.consumer) } ?? survey
        reader = RecordReader(format, for: consumer, collector)
    }

    /// Numbers gathered for the task so far.
    public var numberCount: Int { task?.reader.consumer.numberCount ?? 0 }

    public func push(_ bytes: UnsafeBufferPointer<UInt8>) { reader.push(bytes) }

    public func push(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { reader.push($0) } }

    /// Ends the text. Throws `Violations` when anything was wrong with it.
    public func finish() throws -> DatasetSummary {
        reader.finish()
        if !collector.isEmpty { throw violations }
        return DatasetSummary(
            format: format, rows: reader.records, columns: survey.columns, sequences: survey.sequences)
    }

    /// What was gathered for the task, once the text has ended; nil where there is none, or where it would be more numbers
    /// than are wanted. Throws `Violations` with what the task cannot use.
    public func data() throws -> TrainingData? {
        guard let task, !task.reader.consumer.isOver else { return nil }
        return try task.reader.finish()
    }

    /// What the scan found wrong, and what the task finds wrong beyond that: broken rows and cells that are no numbers are
    /// told at once.
    private var violations: Violations {
        var all = Violations(collector.list, omitted: collector.omitted)
        do { _ = try data() } catch let found as Violations {
            all.list += found.list.filter { !all.list.contains($0) }
            all.omitted = max(all.omitted, found.omitted)
        } catch {
            // Whatever else there is with these bytes, the scan's findings stand.
        }
        return all
    }
}

/// Two that are told of the same records.
private final class BothConsumers: RecordConsumer {
    private let first: any RecordConsumer
    private let second: any RecordConsumer

    init(first: any RecordConsumer, second: any RecordConsumer) {
        self.first = first
        self.second = second
    }

    func header(_ names: [String]) {
        first.header(names)
        second.header(names)
    }

    func row(_ row: CSVRow, _ place: RecordPlace) {
        first.row(row, place)
        second.row(row, place)
    }

    func record(_ record: JSON, _ place: RecordPlace) {
        first.record(record, place)
        second.record(record, place)
    }
}

/// The columns of a table, or the shape of sequences, as records pass by.
private final class DatasetSurvey: RecordConsumer {
    private enum Form {
        case table
        case sequences
    }

    private let collector: ViolationCollector
    private let powers = PowersOfTen()
    private var form: Form?
    private var surveys: [ColumnSurvey] = []
    private var index: [String: Int] = [:]
    private(set) var sequences: DatasetSummary.Sequences?
    /// Records so far, which need not have every column; CSV rows have.
    private var records = 0

    init(_ collector: ViolationCollector) { self.collector = collector }

    var columns: [DatasetSummary.Column] {
        surveys.map { survey in
            var survey = survey
            survey.skip(to: records + 1)
            return survey.column
        }
    }

    func header(_ names: [String]) { surveys = names.map { ColumnSurvey($0) } }

    func row(_ row: CSVRow, _ place: RecordPlace) {
        let powers = self.powers
        surveys.withUnsafeMutableBufferPointer { surveys in
            for column in surveys.indices { surveys[column].add(row[column], powers, row: place.number) }
        }
    }

    func record(_ record: JSON, _ place: RecordPlace) {
        let isSequence = SequenceRecord.isSurelySequence(record)
        let form = form ?? (isSequence ? .sequences : .table)
        self.form = form
        guard isSequence == (form == .sequences) else {
            collector.add(
                at: place.path,
                form == .table
                    ? "\(place.description) holds a sequence under \"x\", the records before it are rows of a table"
                    : "\(place.description) has no sequence under \"x\", the records before it have one")
            return
        }
        if isSequence { addSequence(record, place) }
        addMembers(record, place, besides: isSequence ? SequenceRecord.key : nil)
    }

    private func addSequence(_ record: JSON, _ place: RecordPlace) {
        let isTokens = TokenRecord.isTokens(record[SequenceRecord.key])
        if let sequences, isTokens != (sequences.tokens != nil) {
            collector.add(
                at: place.path + [.key(SequenceRecord.key)],
                "\(place.description) holds \(isTokens ? "tokens" : "numbers"), the records before it hold "
                    + (isTokens ? "numbers" : "tokens"))
            return
        }
        if isTokens { return addTokens(record, place) }
        guard let found = SequenceRecord(record, place, features: sequences?.features, collector) else { return }
        add(found.length, missing: found.missing, features: found.features)
    }

    /// How a text is cut is for the task to say: here it counts by the list that it has for its steps.
    private func addTokens(_ record: JSON, _ place: RecordPlace) {
        // Which way it is cut does not matter to what may be wrong with it.
        guard TokenRecord(record, place, .words, collector) != nil else { return }
        let lists = (record.object?.members ?? JSONObject().members).compactMap { $1.count }
        add(record[SequenceRecord.key]?.count ?? lists.max() ?? 0, missing: 0, features: 1, tokens: true)
    }

    private func add(_ length: Int, missing: Int, features: Int, tokens: Bool = false) {
        var sequences =
            self.sequences
            ?? .init(features: features, shortest: .max, longest: 0, steps: 0, tokens: tokens ? true : nil)
        sequences.shortest = min(sequences.shortest, length)
        sequences.longest = max(sequences.longest, length)
        sequences.steps += length
        sequences.missing += missing
        self.sequences = sequences
    }

    private func addMembers(_ record: JSON, _ place: RecordPlace, besides skipped: String?) {
        records = place.number
        var next = 0  // records mostly have their members in one order
        func add(_ name: String, _ value: JSON) {
            guard name != skipped else { return }
            var position = next < surveys.count && surveys[next].name == name ? next : index[name]
            if position == nil {
                guard surveys.count < RecordReader.mostColumns else {
                    collector.add(
                        at: place.path + [.key(name)],
                        "\(place.description): more than \(RecordReader.mostColumns) different columns")
                    return
                }
                if name.utf8.count > ModelLimit.nameBytes {
                    collector.add(at: place.path, RecordReader.longName(name, place.description))
                }
                position = surveys.count
                index[name] = position
                surveys.append(ColumnSurvey(name))
            }
            guard let column = position else { return }
            next = column + 1
            if skipped != nil, let elements = value.array {
                return addList(elements, to: column, place.path + [.key(name)], place)
            }
            let cell = Cell(value)
            if !surveys[column].addFound(cell, row: place.number) {
                collector.add(
                    at: place.path + [.key(name)],
                    "\(place.description), column \"\(name)\": expected a number or a text, found \(cell.finding)")
            }
        }
        if let object = record.object {
            for (name, value) in object.members { add(name, value) }
        } else {
            for (position, value) in (record.array ?? []).enumerated() { add(String(position), value) }
        }
    }

    /// What a record has for each of its steps: labels, or lists of flags.
    private func addList(
        _ elements: [JSON], to column: Int, _ path: [Violation.PathComponent], _ place: RecordPlace
    ) {
        surveys[column].addList(row: place.number)
        for (step, element) in elements.enumerated() {
            for value in element.array ?? [element] where JSONCells.label(value) == nil {
                collector.add(
                    at: path + [.index(step)],
                    "\(place.description), step \(step + 1): expected a label or a list of flags, found "
                        + (value.string == nil ? value.kindName : "an empty text"))
            }
        }
    }
}
