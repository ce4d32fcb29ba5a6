/// What a scan has seen of one column so far.
struct ColumnSurvey {
    let name: String
    private var numbers = 0
    private var texts = 0
    private var placeholders = 0
    private var empties = 0
    private var lists = 0
    private var firstText: (row: Int, text: String)?
    private var firstPlaceholder: (row: Int, text: String)?
    private var firstEmpty: Int?
    /// Rows told of so far, where a row need not have every column.
    private var told = 0

    init(_ name: String) { self.name = name }

    /// Rows up to this one, and not with it, have had their say; those that said nothing of this column lack it. Counted
    /// when the column comes up again, so that a row costs what it holds and not what others hold.
    mutating func skip(to row: Int) {
        guard row - 1 > told else { return }
        empties += row - 1 - told
        if firstEmpty == nil { firstEmpty = told + 1 }
        told = row - 1
    }

    /// As `add`, for rows that need not have every column.
    mutating func addFound(_ cell: Cell, row: Int) -> Bool {
        skip(to: row)
        told = row
        return add(cell, row: row)
    }

    /// Takes note of a list with an entry for each step of a sequence.
    mutating func addList(row: Int) {
        skip(to: row)
        told = row
        lists += 1
    }

    /// Takes note of one cell; false when a table cannot hold it.
    @inline(__always)
    mutating func add(_ cell: Cell, row: Int) -> Bool {
        switch cell {
        case .number: numbers += 1
        case .empty: addEmpty(row: row)
        case .placeholder(let text):
            placeholders += 1
            if firstPlaceholder == nil { firstPlaceholder = (row, text) }
        case .text(let text):
            texts += 1
            if firstText == nil { firstText = (row, text.excerpt(80)) }
        case .nested: return false
        }
        return true
    }

    /// Takes note of a CSV field, and makes a text of it only where that is news.
    @inline(__always)
    mutating func add(_ field: UnsafeBufferPointer<UInt8>, _ powers: PowersOfTen, row: Int) {
        let field = Cell.trimmed(field)
        if field.isEmpty {
            addEmpty(row: row)
        } else if Cell.number(field, powers) != nil {
            numbers += 1
        } else if firstText != nil, field.count > Cell.longestPlaceholder {
            texts += 1
        } else {
            _ = add(Cell.notNumber(field), row: row)
        }
    }

    mutating func addEmpty(row: Int) {
        empties += 1
        if firstEmpty == nil { firstEmpty = row }
    }

    /// In a column of texts `NA` is a text; anywhere else it is a missing value.
    var column: DatasetSummary.Column {
        let isText = texts > 0 && numbers == 0
        let isList = lists > 0 && texts + numbers == 0
        let kind: DatasetSummary.ColumnKind =
            isList ? .list : lists > 0 ? .mixed : isText ? .text : texts > 0 ? .mixed : numbers > 0 ? .number : .empty
        let missing = isText ? empties : empties + placeholders
        let firstMissing = [firstEmpty, isText ? nil : firstPlaceholder?.row].compactMap { $0 }.min()
        let firstText = [self.firstText, isText ? firstPlaceholder : nil].compactMap { $0 }.min { $0.row < $1.row }
        return DatasetSummary.Column(
            name: name, kind: kind, missing: missing, firstMissing: firstMissing, firstText: firstText?.row,
            sample: firstText?.text)
    }
}
