import Foundation
import Synchronization

/// Counters, gauges and histograms of this process, rendered in Prometheus' text format (version 0.0.4).
///
/// A family is declared once, with its help text, and holds one value for each set of label values. Values live
/// behind one lock: an update costs about 100 ns, far below the requests that are counted.
public final class Metrics: Sendable {
    public enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    /// Label values of one series, in the order in which the family names its labels.
    public typealias Labels = [String]

    public struct Family: Sendable {
        public let name: String
        public let help: String
        public let kind: Kind
        public let labels: [String]
        /// Upper bounds of the histogram's buckets, ascending, without infinity.
        public let buckets: [Double]

        public init(_ kind: Kind, _ name: String, _ help: String, labels: [String] = [], buckets: [Double] = []) {
            self.kind = kind
            self.name = name
            self.help = help
            self.labels = labels
            self.buckets = buckets
        }
    }

    private struct Series {
        var value = 0.0
        var counts: [UInt64] = []
        var count: UInt64 = 0
    }

    private struct State {
        var families: [String: Family] = [:]
        var series: [String: [Labels: Series]] = [:]
        var gauges: [(Family, @Sendable () -> [(Labels, Double)])] = []
    }

    /// A bound on the series of one family: label values come from route and model names, and a client that
    /// trains ten thousand models must not grow this table without end. What is beyond is counted under "other".
    public static let maximumSeries = 2_000

    private let state = Mutex(State())

    public init() {}

    /// Adds to a counter or gauge.
    public func add(_ amount: Double = 1, to family: Family, _ labels: Labels = []) {
        update(family, labels) { $0.value += amount }
    }

    public func set(_ family: Family, _ labels: Labels = [], to value: Double) {
        update(family, labels) { $0.value = value }
    }

    /// Counts one observation into its bucket.
    public func observe(_ value: Double, in family: Family, _ labels: Labels = []) {
        update(family, labels) { series in
            if series.counts.isEmpty { series.counts = Array(repeating: 0, count: family.buckets.count) }
            if let bucket = family.buckets.firstIndex(where: { value <= $0 }) { series.counts[bucket] += 1 }
            series.count += 1
            series.value += value
        }
    }

    /// A gauge whose values are asked for when metrics are rendered.
    public func follow(_ family: Family, _ read: @escaping @Sendable () -> [(Labels, Double)]) {
        state.withLock { $0.gauges.append((family, read)) }
    }

    /// The whole of it, families in the order of their names, series in the order of their labels.
    public func render() -> String {
        let (families, series, gauges) = state.withLock { ($0.families, $0.series, $0.gauges) }
        var sections: [String: String] = [:]
        for (name, family) in families {
            var lines = Self.header(family)
            for (labels, value) in (series[name] ?? [:]).sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                lines += Self.lines(family, labels, value)
            }
            sections[name] = lines
        }
        for (family, read) in gauges {
            var lines = Self.header(family)
            for (labels, value) in read() { lines += Self.line(family.name, family.labels, labels, value) }
            sections[family.name] = lines
        }
        return sections.sorted { $0.key < $1.key }.map(\.value).joined()
    }

    private func update(_ family: Family, _ labels: Labels, _ change: (inout Series) -> Void) {
        precondition(labels.count == family.labels.count, "\(family.name) has the labels \(family.labels)")
        state.withLock { state in
            if state.families[family.name] == nil { state.families[family.name] = family }
            var key = labels
            // Asked in place: a table that somebody else holds too is copied when it changes.
            if state.series[family.name]?[key] == nil,
                (state.series[family.name]?.count ?? 0) >= Self.maximumSeries
            {
                key = labels.map { _ in "other" }
            }
            change(&state.series[family.name, default: [:]][key, default: Series()])
        }
    }

    private static func header(_ family: Family) -> String {
        "# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n"
    }

    private static func lines(_ family: Family, _ labels: Labels, _ series: Series) -> String {
        guard family.kind == .histogram else { return line(family.name, family.labels, labels, series.value) }
        var text = ""
        var running: UInt64 = 0
        for (bound, count) in zip(family.buckets, series.counts) {
            running += count
            text += line(
                family.name + "_bucket", family.labels + ["le"], labels + [number(bound)], Double(running))
        }
        text += line(family.name + "_bucket", family.labels + ["le"], labels + ["+Inf"], Double(series.count))
        text += line(family.name + "_sum", family.labels, labels, series.value)
        text += line(family.name + "_count", family.labels, labels, Double(series.count))
        return text
    }

    private static func line(_ name: String, _ names: [String], _ values: Labels, _ value: Double) -> String {
        let labels = zip(names, values).map { "\($0)=\"\(escape($1))\"" }.joined(separator: ",")
        return name + (labels.isEmpty ? "" : "{\(labels)}") + " \(number(value))\n"
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded() && abs(value) < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }

    private static func escape(_ label: String) -> String {
        label.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
