import Resources
import Testing

@Suite("Deadlines")
struct DeadlinesTests {
    @Test("what is due comes out soonest first, and nothing before its time")
    func order() {
        var deadlines = Deadlines<Int, Int>()
        for (id, due) in [(1, 30), (2, 10), (3, 20), (4, 10)] { deadlines.add(id, due: due) }
        #expect(deadlines.earliest == 10)
        #expect(deadlines.popDue(at: 9) == nil)
        var found: [Int] = []
        while let (id, due) = deadlines.popDue(at: 25) {
            #expect(due <= 25)
            found.append(id)
        }
        #expect(Set(found.prefix(2)) == [2, 4] && found.last == 3)
        #expect(deadlines.count == 1 && deadlines.earliest == 30)
    }

    @Test("entries of what is gone are left out before they outnumber what is there")
    func stale() {
        var deadlines = Deadlines<Int, Int>()
        for id in 0..<100_000 {
            deadlines.add(id, due: id)
            deadlines.keep(living: 10) { id, _ in id % 10_000 == 0 }
        }
        #expect(deadlines.count < 2_000)
        var left: [Int] = []
        while let (id, _) = deadlines.popDue(at: .max) { left.append(id) }
        #expect(left.filter { $0 % 10_000 == 0 }.count == 10)
        #expect(left == left.sorted())
    }
}
