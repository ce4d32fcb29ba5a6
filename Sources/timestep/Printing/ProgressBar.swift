/// One line that shows how far a job is.
///
///     training airline  ━━━━━━━━━━╸──────────  42%  epoch 42 of 100  loss 0.0123  3 s left
///
/// A pure function of its inputs; `ProgressLine` below decides when to print it.
struct ProgressBar {
    var label: String
    /// 0 … 1; nil while nothing is known, as for a job that waits.
    var fraction: Double?
    /// What stands behind the bar, most important first; the last are dropped when the line is too narrow.
    var notes: [String]

    static let shortestBar = 10
    static let longestBar = 40

    func text(for terminal: Terminal) -> String {
        let percent = fraction.map { "\(Self.pad("\(Int(($0.clamped * 100).rounded(.down)))", 3))%" } ?? "    "
        var notes = notes
        while true {
            let tail = "  " + ([percent] + notes).joined(separator: "  ")
            let room = terminal.usefulColumns - 1 - label.count - 2 - tail.count
            if room >= Self.shortestBar || notes.isEmpty {
                let bar = Self.bar(
                    fraction?.clamped ?? 0, width: max(Self.shortestBar, min(room, Self.longestBar)), terminal)
                return "\(label)  \(bar)\(tail)"
            }
            notes.removeLast()
        }
    }

    /// Half cells double the resolution where the terminal can show them.
    private static func bar(_ fraction: Double, width: Int, _ terminal: Terminal) -> String {
        guard terminal.showsUnicode else {
            let full = Int((fraction * Double(width)).rounded(.down))
            return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + "]"
        }
        let halves = Int((fraction * Double(2 * width)).rounded(.down))
        let (full, half) = halves.quotientAndRemainder(dividingBy: 2)
        let done = String(repeating: "━", count: full) + (half == 1 ? "╸" : "")
        let left = String(repeating: "─", count: width - full - half)
        return terminal.coloured(done, .green) + terminal.coloured(left, .grey)
    }

    static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// Prints progress as it comes: rewritten in place where a person watches, a line every tenth otherwise.
struct ProgressLine {
    private let terminal: Terminal
    private let descriptor: Int32
    private var lastTenth = -1
    private var lastLabel = ""
    private var isOpen = false

    init(terminal: Terminal, descriptor: Int32) {
        self.terminal = terminal
        self.descriptor = descriptor
    }

    mutating func show(_ bar: ProgressBar) {
        if terminal.isInteractive {
            Output.write("\r\u{1B}[2K" + bar.text(for: terminal), to: descriptor)
            isOpen = true
            return
        }
        let tenth = Int(((bar.fraction ?? 0).clamped * 10).rounded(.down))
        guard tenth != lastTenth || bar.label != lastLabel else { return }
        lastTenth = tenth
        lastLabel = bar.label
        Output.write(bar.text(for: terminal) + "\n", to: descriptor)
    }

    /// Leaves the last state on screen and goes to the next line.
    mutating func end() {
        if isOpen { Output.write("\n", to: descriptor) }
        isOpen = false
        lastTenth = -1
    }
}

extension Double {
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(1, Swift.max(0, self)) }
}
