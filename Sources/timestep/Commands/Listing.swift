import ArgumentParser
import Formats

/// How lists are asked for and shown, the same for every kind of thing.
struct ListOptions: ParsableArguments {
    @Option(help: "How many to show.")
    var limit = 20

    @Option(help: ArgumentHelp("Go on after the last one of an earlier list.", valueName: "id"))
    var after: String?

    /// One page, and a word at its end where there is more.
    func show(
        _ target: String, _ filters: [(String, String?)] = [], client: ClientOptions, table empty: TextTable,
        none: String,
        id: (JSON) -> String?, row: (JSON) -> [String]
    ) throws(CommandError) {
        let server = try client.connect()
        let answer = try server.get(target + query([("limit", "\(limit)"), ("after", after)] + filters))
        guard !client.printed(answer) else { return }
        var table = empty
        let items = answer.read("JobList: data")?.array ?? []
        for item in items { table.add(row(item)) }
        guard !table.isEmpty else { return Output.line(none) }
        for line in table.lines(for: client.terminal) { Output.line(line) }
        if answer.read("JobList: has_more")?.bool == true, let last = items.last.flatMap(id) {
            Output.line("there are more: --after \(last)")
        }
    }
}

extension JSON {
    /// A time as people read it: seconds are enough on a screen.
    var shortTime: String {
        guard let string else { return "-" }
        let whole = string.prefix { $0 != "." && $0 != "Z" }
        return String(whole.replacing("T", with: " "))
    }
}
