/// What is found wrong on a walk over fields, each with its place.
public struct FieldFindings {
    /// Where the walk stands.
    public private(set) var path: [Violation.PathComponent]
    public private(set) var all = Violations([])
    /// Whether a member that is no field is left alone: text that another version of the program stored may have fields
    /// that this one does not know.
    let toleratesUnknown: Bool
    /// Objects that were written in a short form, and how places in them are told.
    private var abridged: [(prefix: [Violation.PathComponent], text: SpelledOut)] = []

    private var undecided: [[Violation.PathComponent]] = []

    public init(at path: [Violation.PathComponent] = [], toleratesUnknown: Bool = false) {
        self.path = path
        self.toleratesUnknown = toleratesUnknown
    }

    /// Notes something about the place where the walk stands.
    public mutating func add(_ detail: @autoclosure () -> String) { all.add(at: path, detail()) }

    public mutating func expected(_ expectation: @autoclosure () -> String, found: FieldValue) {
        add("expected \(expectation()), found \(found.finding)")
    }

    /// Goes one place further down for the time of `body`.
    public mutating func at<Result>(
        _ component: Violation.PathComponent, _ body: (inout FieldFindings) -> Result
    ) -> Result {
        path.append(component)
        defer { path.removeLast() }
        return body(&self)
    }

    /// Notes that it is not known what should stand here: it has been told, and nothing else can be said of it.
    mutating func noteUndecided() { undecided.append(path) }

    mutating func note(abridged text: SpelledOut) { abridged.append((path, text)) }

    /// Where the author wrote what the fields call `path`.
    public func place(of path: [Violation.PathComponent]) -> [Violation.PathComponent] {
        guard let short = abridged.last(where: { path.starts(with: $0.prefix) }) else { return path }
        return short.prefix + short.text.place(Array(path.dropFirst(short.prefix.count)))
    }

    /// All of them and `further`, each at its author's place, and none about what lies below a place that is wrong
    /// already: a value that could not be read has been told, and the default in its stead has nothing to tell.
    public func complete(with further: Violations = Violations([])) -> Violations {
        var complete = Violations([])
        var seen: Set<Violation> = []
        let rest = further.list.filter { violation in
            !(undecided + all.list.map(\.path)).contains { violation.path.starts(with: $0) }
        }
        for violation in all.list + rest {
            let placed = Violation(path: place(of: violation.path), detail: violation.detail)
            // Layers in a short form share their members, and one slip is one slip.
            if seen.insert(placed).inserted { complete.add(at: placed.path, placed.detail) }
        }
        complete.omitted += all.omitted + further.omitted
        return complete
    }
}
