import Formats
import Foundation
import HTTPServer
import NamedFields
import Wire

/// Reads the query of a request and notes everything that is wrong with it; a parameter that nobody asked for is wrong
/// too. Ends with `check`.
struct Query {
    private let items: [RequestHead.QueryItem]
    private var known: [String] = []
    private(set) var problems: [Problem.Item] = []

    init(_ request: Request) { items = request.head.query }

    mutating func text(_ name: String) -> String? {
        let values = values(name)
        if values.count > 1 { fail(name, "given \(values.count) times; once is expected") }
        return values.first
    }

    /// Every value of a parameter that may be given more than once, or as one list with commas.
    mutating func list(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",").map(String.init) }
    }

    mutating func int(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = text(name) else { return nil }
        if let number = Int(text), range.contains(number) { return number }
        let limit =
            range.upperBound == .max
            ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
        fail(name, "expected a whole number \(limit), found \"\(text)\"")
        return nil
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>) -> Double? {
        guard let text = text(name) else { return nil }
        if let number = Double(text), range.contains(number) { return number }
        fail(name, "expected a number from \(range.lowerBound) to \(range.upperBound), found \"\(text)\"")
        return nil
    }

    mutating func flag(_ name: String) -> Bool {
        guard let text = text(name) else { return false }
        switch text {
        case "true", "1", "": return true
        case "false", "0": return false
        default:
            fail(name, "expected true or false, found \"\(text)\"")
            return false
        }
    }

    mutating func choice<T>(_ name: String, _ choices: [String: T]) -> T? {
        guard let text = text(name) else { return nil }
        return choice(name, text, choices)
    }

    mutating func choices<T>(_ name: String, _ choices: [String: T]) -> [T] {
        list(name).compactMap { choice(name, $0, choices) }
    }

    mutating func time(_ name: String) -> Date? {
        guard let text = text(name) else { return nil }
        if let date = Timestamp.date(text) { return date }
        fail(name, "expected a time such as 2026-01-02T03:04:05Z, found \"\(text)\"")
        return nil
    }

    /// How many items one page of a list has at most.
    mutating func limit() -> Int { int("limit", in: 1...Self.largestPage) ?? Self.page }

    static let page = 20
    /// A thousand jobs with their specifications are about a megabyte.
    static let largestPage = 1000

    mutating func fail(_ name: String, _ detail: String) {
        problems.append(Problem.Item(place: .parameter(name), detail: detail))
    }

    /// Throws if anything was wrong, or if there is a parameter that was not asked for.
    consuming func check() throws(Problem) {
        for item in items where !known.contains(item.name) {
            let hint = Suggestion.hint(for: item.name, among: known)
            fail(item.name, "unknown parameter \"\(item.name)\"" + (known.isEmpty ? "; there are none here" : hint))
        }
        if !problems.isEmpty { throw .invalid(problems) }
    }

    private mutating func values(_ name: String) -> [String] {
        known.append(name)
        return items.filter { $0.name == name }.map(\.value)
    }

    private mutating func choice<T>(_ name: String, _ text: String, _ choices: [String: T]) -> T? {
        if let chosen = choices[text] { return chosen }
        fail(name, "\"\(text)\" is none of the choices" + Suggestion.hint(for: text, among: choices.keys.sorted()))
        return nil
    }
}
