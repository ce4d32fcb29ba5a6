import Foundation

/// A small line plot made of characters: Braille dots (2 × 4 to a character) where the terminal shows them,
/// one mark a column otherwise. A pure function from numbers to lines of text.
struct Plot {
    struct Series {
        var name: String
        /// One value a position; nil and non-finite values leave a gap.
        var values: [Double?]
        var colour: Terminal.Colour?
        /// Only dots, no line between them: told apart from a line even without colour.
        var isDotted: Bool
        /// The mark in plain text.
        var mark: Character

        init(
            _ name: String, _ values: [Double?], colour: Terminal.Colour? = nil, isDotted: Bool = false,
            mark: Character = "*"
        ) {
            self.name = name
            self.values = values
            self.colour = colour
            self.isDotted = isDotted
            self.mark = mark
        }
    }

    enum Scale {
        case linear
        /// Values at or below zero leave a gap.
        case logarithmic
    }

    var title: String
    var series: [Series]
    /// Drawn left to right below the axis: first and last position.
    var firstLabel = ""
    var lastLabel = ""
    var scale = Scale.linear
    /// Rows of characters.
    var height = 10

    func lines(for terminal: Terminal) -> [String] {
        let positions = series.map(\.values.count).max() ?? 0
        let scaled = series.map { $0.values.map(onScale) }
        guard positions > 0, let range = Self.range(of: scaled.joined().compactMap { $0 }) else {
            return [title, "  (nothing to show yet)"]
        }
        let axis = axisLabels(range)
        let margin = axis.map(\.count).max() ?? 0
        let width = max(20, min(terminal.usefulColumns - margin - 4, 2 * positions + 20))
        let rows =
            terminal.showsUnicode
            ? brailleRows(scaled, positions, range, width, terminal)
            : plainRows(scaled, positions, range, width)

        var lines = [title + legend(terminal)]
        let (wall, corner, floor): (String, String, String) = terminal.showsUnicode ? ("┤", "└", "─") : ("|", "+", "-")
        for (row, text) in rows.enumerated() {
            lines.append("  " + ProgressBar.pad(axis[row], margin) + wall + text)
        }
        lines.append("  " + String(repeating: " ", count: margin) + corner + String(repeating: floor, count: width))
        let gap = max(1, width - firstLabel.count - lastLabel.count)
        if !firstLabel.isEmpty || !lastLabel.isEmpty {
            let blanks = String(repeating: " ", count: margin + 1)
            lines.append("  " + blanks + firstLabel + String(repeating: " ", count: gap) + lastLabel)
        }
        return lines
    }

    // MARK: Values to places

    private func onScale(_ value: Double?) -> Double? {
        guard let value, value.isFinite else { return nil }
        switch scale {
        case .linear: return value
        case .logarithmic: return value > 0 ? log10(value) : nil
        }
    }

    /// The span of the values, never empty: a constant series lies in the middle.
    private static func range(of values: [Double]) -> ClosedRange<Double>? {
        guard let low = values.min(), let high = values.max() else { return nil }
        if high > low { return low...high }
        let room = max(abs(low) * 0.1, 1e-9)
        return (low - room)...(high + room)
    }

    /// Top, middle and bottom rows carry their value.
    private func axisLabels(_ range: ClosedRange<Double>) -> [String] {
        let middle = (height - 1) / 2
        return (0..<height).map { row in
            guard row == 0 || row == height - 1 || row == middle else { return "" }
            let share = 1 - Double(row) / Double(max(1, height - 1))
            let value = range.lowerBound + share * (range.upperBound - range.lowerBound)
            return Numerals.short(scale == .linear ? value : pow(10, value))
        }
    }

    private func legend(_ terminal: Terminal) -> String {
        guard series.count > 1 || !(series.first?.name.isEmpty ?? true) else { return "" }
        let entries = series.map { one in
            let key = terminal.showsUnicode ? (one.isDotted ? "⠂⠂⠂" : "───") : String(repeating: one.mark, count: 3)
            return terminal.coloured(key, one.colour) + " " + one.name
        }
        return "   " + entries.joined(separator: "   ")
    }

    // MARK: Plain text

    private func plainRows(
        _ scaled: [[Double?]], _ positions: Int, _ range: ClosedRange<Double>, _ width: Int
    ) -> [String] {
        var cells = [[Character]](repeating: Array(repeating: " ", count: width), count: height)
        for (index, values) in scaled.enumerated() {
            for column in 0..<width {
                // Every position gets a column where there are enough of them.
                let position = Self.position(of: column, columns: width, positions: positions)
                guard position < values.count, let value = values[position] else { continue }
                if positions <= width, column != Self.column(of: position, columns: width, positions: positions) {
                    continue
                }
                let row = Self.step(range.upperBound - value, of: range, steps: height)
                cells[row][column] = series[index].mark
            }
        }
        return cells.map { row in
            var text = String(row)
            while text.last == " " { text.removeLast() }
            return text
        }
    }

    // MARK: Braille

    /// Bits of the dots in a Braille character (Unicode 2800 + bits): rows top to bottom, left then right.
    private static let dotBits: [[UInt8]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]

    private func brailleRows(
        _ scaled: [[Double?]], _ positions: Int, _ range: ClosedRange<Double>, _ width: Int, _ terminal: Terminal
    ) -> [String] {
        var dots = [[UInt8]](repeating: Array(repeating: 0, count: width), count: height)
        var owners = [[Int?]](repeating: Array(repeating: nil, count: width), count: height)
        func set(_ x: Int, _ y: Int, _ owner: Int) {
            dots[y / 4][x / 2] |= Self.dotBits[y % 4][x % 2]
            owners[y / 4][x / 2] = owner
        }
        for (index, values) in scaled.enumerated() {
            var previous: (x: Int, y: Int)?
            for (position, value) in values.enumerated() {
                guard let value else {
                    previous = nil
                    continue
                }
                let x = Self.column(of: position, columns: 2 * width, positions: positions)
                let y = Self.step(range.upperBound - value, of: range, steps: 4 * height)
                if let previous, !series[index].isDotted {
                    Self.line(from: previous, to: (x, y)) { set($0, $1, index) }
                } else {
                    set(x, y, index)
                }
                previous = (x, y)
            }
        }
        return zip(dots, owners).map { row, owners in
            let end = row.lastIndex { $0 != 0 } ?? -1
            var text = ""
            var run = ""
            var runOwner: Int?
            func endRun() {
                text += terminal.coloured(run, runOwner.flatMap { series[$0].colour })
                run = ""
            }
            for column in row.indices.prefix(end + 1) {
                if owners[column] != runOwner { endRun() }
                runOwner = owners[column]
                let scalar = Unicode.Scalar(0x2800 + UInt32(row[column])) ?? " "
                run.append(row[column] == 0 ? " " : Character(scalar))
            }
            endRun()
            return text
        }
    }

    /// Bresenham's line, both ends included.
    private static func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int), set: (Int, Int) -> Void) {
        let (width, height) = (abs(end.x - start.x), -abs(end.y - start.y))
        let (right, down) = (start.x < end.x ? 1 : -1, start.y < end.y ? 1 : -1)
        var (x, y, error) = (start.x, start.y, width + height)
        while true {
            set(x, y)
            if x == end.x && y == end.y { return }
            let doubled = 2 * error
            if doubled >= height {
                error += height
                x += right
            }
            if doubled <= width {
                error += width
                y += down
            }
        }
    }

    // MARK: Rounding

    private static func column(of position: Int, columns: Int, positions: Int) -> Int {
        positions < 2 ? 0 : Int((Double(position) / Double(positions - 1) * Double(columns - 1)).rounded())
    }

    private static func position(of column: Int, columns: Int, positions: Int) -> Int {
        columns < 2 ? 0 : Int((Double(column) / Double(columns - 1) * Double(positions - 1)).rounded())
    }

    /// Which of `steps` equal steps from the top `distance` falls on.
    private static func step(_ distance: Double, of range: ClosedRange<Double>, steps: Int) -> Int {
        let share = distance / (range.upperBound - range.lowerBound)
        return min(steps - 1, max(0, Int((share * Double(steps - 1)).rounded())))
    }
}
