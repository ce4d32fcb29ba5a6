import Foundation
import Testing

@testable import Store

@Test(
    "the log answers which version an alias named at any time, whatever was moved or deleted since",
    arguments: UInt64(0)..<6)
func aliasHistory(_ seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    func draw(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }
    let store = try StoreFolder().open()
    let aliases = ["best", "default"]
    /// What each alias named at each second so far.
    var history: [[String: Int]] = []
    var present: [String: Int] = [:]
    for clock in 0..<60 {
        let now = Date.start + clock
        let versions = (try? store.model("m").versions) ?? []
        let alias = aliases[draw(2)]
        switch draw(10) {
        case 0, 1: try store.addVersion(model: "m", at: now)
        case 2...5 where !versions.isEmpty:
            let version = versions[draw(versions.count)]
            try store.setAlias(alias, of: "m", to: version, at: now)
            present[alias] = version
        case 6 where present[alias] != nil:
            try store.removeAlias(alias, of: "m", at: now)
            present[alias] = nil
        case 7 where !versions.isEmpty:
            let version = versions[draw(versions.count)]
            let isNamed = present.values.contains(version)
            #expect((reason { try store.deleteVersion(version, of: "m", at: now) } == nil) == !isNamed)
        case 8 where draw(3) == 0 && !versions.isEmpty:
            try store.deleteModel("m", at: now)
            present = [:]
        default: break
        }
        history.append(present)
    }
    // A model is there at the end, so that it is known under every seed.
    try store.addVersion(model: "m", at: .start + 60)
    for (clock, names) in history.enumerated() {
        for alias in aliases {
            for time in [Date.start + clock, (Date.start + clock).addingTimeInterval(0.999)] {
                #expect(try store.alias(alias, of: "m", at: time).version == names[alias])
            }
        }
    }
    #expect(try store.model("m").aliases == present)
    #expect(try store.alias("best", of: "m", at: .start + -1) == AliasState(alias: "best", version: nil, since: nil))
}

@Test("an alias tells since when; setting it to what it names already logs nothing")
func aliasSince() throws {
    let store = try StoreFolder().open()
    for _ in 1...2 { try store.addVersion() }
    try store.setAlias("best", of: "airline", to: 1, at: .start + 10)
    try store.setAlias("best", of: "airline", to: 1, at: .start + 20)
    #expect(
        try store.alias("best", of: "airline", at: .start + 30)
            == AliasState(alias: "best", version: 1, since: .start + 10))
    #expect(try store.log(of: "airline", limit: 99).items.count == 3)
    try store.setAlias("best", of: "airline", to: 2, at: .start + 40)
    #expect(try store.alias("best", of: "airline", at: .start + 40).version == 2)
    #expect(try store.alias("best", of: "airline", at: .start + 39).version == 1)
    try store.removeAlias("best", of: "airline", at: .start + 50)
    #expect(
        try store.alias("best", of: "airline", at: .start + 50)
            == AliasState(alias: "best", version: nil, since: .start + 50))
}

@Test("a clock that went back does not change what an alias named before")
func logClock() throws {
    let store = try StoreFolder().open()
    for _ in 1...2 { try store.addVersion() }
    try store.setAlias("best", of: "airline", to: 1, at: .start + 100)
    try store.setAlias("best", of: "airline", to: 2, at: .start + 50)
    #expect(try store.alias("best", of: "airline", at: .start + 75).version == nil)
    #expect(try store.alias("best", of: "airline", at: .start + 100).version == 2)
    let times = try store.log(of: "airline", limit: 99).items.map(\.at)
    #expect(times == times.sorted())
}

@Test("an alias names a version that is there")
func aliasTargets() throws {
    let store = try StoreFolder().open()
    try store.addVersion()
    #expect(
        reason { try store.setAlias("a", of: "airline", to: 2, at: .start) }
            == .notFound(kind: .version, id: "airline:2"))
    #expect(reason { try store.setAlias("a", of: "x", to: 1, at: .start) } == .notFound(kind: .model, id: "x"))
    #expect(
        reason { try store.removeAlias("a", of: "airline", at: .start) } == .notFound(kind: .alias, id: "airline@a"))
    #expect(reason { _ = try store.alias("a", of: "x", at: .start) } == .notFound(kind: .model, id: "x"))
    #expect(reason { _ = try store.log(of: "x", limit: 1) } == .notFound(kind: .model, id: "x"))
}

@Test("the log is read in pages that join")
func logPages() throws {
    let store = try StoreFolder().open()
    try store.addVersion(model: "other")
    for _ in 1...5 { try store.addVersion() }
    var seen: [RegistryEntry] = []
    while true {
        let page = try store.log(of: "airline", after: seen.last?.sequence ?? 0, limit: 2)
        seen += page.items
        if !page.hasMore { break }
    }
    #expect(seen.map(\.version) == [1, 2, 3, 4, 5])
}
