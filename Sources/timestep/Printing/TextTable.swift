/// Columns that line up.
struct TextTable {
    enum Alignment {
        case left
        case right
    }

    private var header: [String]
    private var alignments: [Alignment]
    private var rows: [[String]] = []
    /// Rows that stand out, where there is colour or weight to do it with.
    private var emphasised: Set<Int> = []

    init(_ columns: [(String, Alignment)]) {
        header = columns.map(\.0)
        alignments = columns.map(\.1)
    }

    /// Missing cells are empty, surplus ones are dropped.
    mutating func add(_ cells: [String], isEmphasised: Bool = false) {
        if isEmphasised { emphasised.insert(rows.count) }
        rows.append((0..<header.count).map { $0 < cells.count ? cells[$0] : "" })
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Lines without trailing blanks, the header grey where the terminal has colours.
    func lines(for terminal: Terminal, indent: Int = 0) -> [String] {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.enumerated().map { number, cells in
            let padded = cells.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return alignments[column] == .left ? cell + blanks : blanks + cell
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            if number == 0 { line = terminal.coloured(line, .grey) }
            if emphasised.contains(number - 1) { line = terminal.bold(line) }
            return String(repeating: " ", count: indent) + line
        }
    }
}
