import Glibc

/// What the place that we print to can show.
struct Terminal: Sendable, Equatable {
    /// A person watches: lines may be rewritten in place.
    var isInteractive: Bool
    /// Escape sequences for colours are welcome.
    var showsColour: Bool
    /// Characters beyond ASCII are shown as such (blocks, Braille).
    var showsUnicode: Bool
    var columns: Int

    /// A file or a pipe: plain ASCII, nothing rewritten.
    static let plain = Terminal(isInteractive: false, showsColour: false, showsUnicode: false, columns: 80)

    /// Width that plots and bars never exceed: beyond it they get no clearer.
    static let widestUseful = 110

    /// What `descriptor` is connected to, by the system and by the environment: `NO_COLOR` (no-color.org) and
    /// `TERM=dumb` switch colours off, a locale without UTF-8 everything beyond ASCII.
    init(descriptor: Int32, environment: [String: String]) {
        let isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? ""
        let folded = locale.lowercased()
        isInteractive = isTerminal
        showsColour = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
        showsUnicode = isTerminal && (folded.contains("utf-8") || folded.contains("utf8"))
        var size = winsize()
        let isMeasured = isTerminal && ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        columns = isMeasured ? Int(size.ws_col) : environment["COLUMNS"].flatMap { Int($0) } ?? 80
    }

    init(isInteractive: Bool, showsColour: Bool, showsUnicode: Bool, columns: Int) {
        self.isInteractive = isInteractive
        self.showsColour = showsColour
        self.showsUnicode = showsUnicode
        self.columns = columns
    }

    /// Width to draw in.
    var usefulColumns: Int { max(40, min(columns, Self.widestUseful)) }

    enum Colour: Int, Sendable {
        case red = 31
        case green = 32
        case yellow = 33
        case blue = 34
        case magenta = 35
        case cyan = 36
        case grey = 90
    }

    func coloured(_ text: String, _ colour: Colour?) -> String {
        guard showsColour, let colour, !text.isEmpty else { return text }
        return "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m"
    }

    func bold(_ text: String) -> String {
        showsColour ? "\u{1B}[1m\(text)\u{1B}[0m" : text
    }
}

/// Writes whole pieces of text to a descriptor, without a buffer that a signal or a crash could lose.
enum Output {
    static func write(_ text: String, to descriptor: Int32 = STDOUT_FILENO) {
        write(Array(text.utf8), to: descriptor)
    }

    /// Goes on after partial writes; a reader that went away (`| head`) ends the output silently.
    static func write(_ bytes: [UInt8], to descriptor: Int32 = STDOUT_FILENO) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    static func line(_ text: String = "") { write(text + "\n") }

    static func error(_ text: String) { write(text + "\n", to: STDERR_FILENO) }
}
