import NamedFields
import Resources
import Testing
import Training

@testable import Formats

/// What a document takes of a request's memory, and when it is refused.
@Suite struct JSONMemoryTests {
    private func parse(
        _ text: String, limit: Int = 1 << 20, limits: JSONLimits = JSONLimits(), plan: JSONPlan = JSONPlan(),
        cancellation: Cancellation = .never
    ) throws -> (JSON, taken: Int) {
        let memory = MemoryShare(of: MemoryBudget(limit: limit))
        let value = try JSON.parse(
            Array(text.utf8), limits: limits, plan: plan, within: Allowance(memory: memory, cancellation: cancellation))
        return (value, memory.held)
    }

    private func reason(_ body: () throws -> Void) -> JSONSyntaxError.Reason? {
        do { try body() } catch { return (error as? JSONSyntaxError)?.reason }
        return nil
    }

    private func list(_ element: String, _ count: Int) -> String {
        "[" + [String](repeating: element, count: count).joined(separator: ",") + "]"
    }

    @Test(
        "a document that grows as it is read is refused before it has grown",
        arguments: ["{}", "[]", "\"\"", "null", "{\"a\":{}}", "\"a text of more than fifteen bytes\""])
    func refused(element: String) {
        let found = reason { _ = try parse(list(element, 20_000)) }
        guard case .memory(let refusal) = found else {
            Issue.record("\(element): \(String(describing: found))")
            return
        }
        #expect(refusal.limit < 1 << 20)
    }

    @Test("a million numbers take little more than their eight bytes each")
    func numbers() throws {
        let (value, taken) = try parse(list("1.25", 1_000_000), limit: 64 << 20)
        #expect(value.count == 1_000_000)
        #expect((8_000_000..<9_000_000).contains(taken), "\(taken) bytes were taken")
        guard case .numbers(let array) = value else { return #expect(Bool(false), "they are not flat") }
        #expect(array.values.capacity * 8 <= taken)
    }

    @Test("numbers that no memory is left for are refused, flat and ragged ones")
    func tooManyNumbers() {
        for text in [list("1", 200_000), list("[1]", 200_000), list("[1],[1,2]", 30_000), list("[],[1]", 30_000)] {
            guard case .memory? = reason({ _ = try parse(text) }) else {
                Issue.record("\(text.prefix(20))… was read")
                continue
            }
        }
    }

    @Test("what a small document took at once and did not use is given back")
    func small() throws {
        let (_, taken) = try parse(#"{"model": "m", "inputs": [[[1], [2]]]}"#)
        #expect(taken < 4_096)
    }

    @Test("what was read for nothing before the general way was taken is given back")
    func rewound() throws {
        let (_, taken) = try parse("[" + list("1", 50_000) + ",null]")
        #expect(taken < 50_000 * 8 * 9 / 8)
    }

    @Test("long text in which every other byte is escaped takes its length, not a multiple")
    func escapes() throws {
        let (value, taken) = try parse("\"" + String(repeating: "\\n", count: 100_000) + "\"")
        #expect(value.string?.utf8.count == 100_000)
        #expect(taken < 250_000)
    }

    @Test("a document whose reader has gone is read no further")
    func cancelled() {
        let cancellation = Cancellation()
        cancellation.cancel()
        #expect(reason { _ = try parse("[1, {}]", cancellation: cancellation) } == .cancelled)
    }

    @Test("values beyond a limit are refused, numbers in flat arrays not counted")
    func values() throws {
        let limits = JSONLimits(values: 10)
        #expect(
            try parse("{\"a\": \(list("1", 100)), \"b\": \(list("[1]", 100))}", limits: limits).0.object?.count == 2)
        #expect(reason { _ = try parse(list("{}", 10), limits: limits) } == .tooManyValues(limit: 10))
    }

    @Test("a key longer than a limit is refused")
    func keys() {
        let key = String(repeating: "k", count: 5)
        #expect(reason { _ = try parse("{\"\(key)\": 1}", limits: JSONLimits(key: 4)) } == .keyTooLong(limit: 4))
    }

    @Test(
        "in a long member of numbers the first thing that is none is refused, with its place",
        arguments: [
            (
                "{}", [.key("inputs"), .index(0)],
                "expected an array of rows, each an array of numbers, found an object"
            ),
            ("1", [.key("inputs"), .index(0)], "expected an array of rows, each an array of numbers, found a number"),
            ("[1]", [.key("inputs"), .index(0), .index(0)], "expected an array of numbers, found a number"),
            ("[[1],{}]", [.key("inputs"), .index(0), .index(1)], "expected an array of numbers, found an object"),
            ("[[1,[]]]", [.key("inputs"), .index(0), .index(0), .index(1)], "expected a number, found an array"),
            ("[[1,null]]", [.key("inputs"), .index(0), .index(0), .index(1)], "expected a number, found null"),
        ] as [(String, [Violation.PathComponent], String)])
    func misplaced(element: String, path: [Violation.PathComponent], detail: String) {
        let text = "{\"inputs\": " + list(element, 10_000) + "}"
        // Not a byte for a tree: a block, and the array of numbers that it may begin with.
        let found = reason { _ = try parse(text, limit: 400_000, plan: JSONPlan(numbers: ["inputs": 3])) }
        #expect(found == .misplaced(path: path, detail: detail))
    }

    @Test("a long member of numbers that is sound is one flat array, and a syntax error in it has its place")
    func sound() throws {
        let plan = JSONPlan(numbers: ["inputs": 3])
        let rows = list("[[1,2],[3,4]]", 2_000)
        let (value, _) = try parse("{\"inputs\": \(rows)}", plan: plan)
        guard case .numbers(let array)? = value["inputs"] else { return #expect(Bool(false), "it is not flat") }
        #expect(array.count == 2_000)
        let torn = reason { _ = try parse("{\"inputs\": \(rows.dropLast()) x]}", plan: plan) }
        #expect(torn == .expected("',' or ']'", found: "\"x\""))
    }

    @Test("elements that are passed on are dropped one by one")
    func passed() throws {
        var sum = 0.0
        var count = 0
        let plan = JSONPlan(passed: ["data", "records"]) { index, record throws(MemoryRefusal) in
            #expect(index == count)
            count += 1
            sum += record["a"]?.double ?? 0
        }
        let text = #"{"records": [1], "data": {"x": 1, "records": \#(list(#"{"a":1,"b":{}}"#, 20_000)), "y": 2}}"#
        let (value, taken) = try parse(text, limits: JSONLimits(values: 20), plan: plan)
        #expect(count == 20_000)
        #expect(sum == 20_000)
        #expect(value["data"]?["records"] == .array([]))
        #expect(value["data"]?["y"] == 2)
        #expect(value["records"]?.count == 1)
        #expect(taken < 65_536)
    }
}
