import Dispatch
import Resources
import Testing

struct MemoryBudgetTests {
    @Test("a share takes all or nothing, and gives everything back with its last reference")
    func takingAndGivingBack() throws {
        let budget = MemoryBudget(limit: 80 << 20)
        do {
            let share = MemoryShare(of: budget)
            try share.take(30 << 20, for: "content")
            try share.take(40 << 20, for: "content")
            #expect(budget.used == 70 << 20 && share.held == 70 << 20)
            share.shrink(to: 10 << 20)
            #expect(budget.used == 10 << 20)
            share.giveBack(.max)
            #expect(budget.used == 0)
            try share.take(5, for: "content")
        }
        #expect(budget.used == 0)
    }

    @Test("what can never be had is told from what others hold at present")
    func refusals() throws {
        let budget = MemoryBudget(limit: 80 << 20)
        let (first, second) = (MemoryShare(of: budget), MemoryShare(of: budget))
        try first.take(60 << 20, for: "content")
        let busy = #expect(throws: MemoryRefusal.self) { try second.take(20 << 20, for: "content") }
        #expect(busy?.isTemporary == true && second.held == 0 && budget.used == 60 << 20)
        let never = #expect(throws: MemoryRefusal.self) { try second.take(71 << 20, for: "the answer") }
        #expect(never?.isTemporary == false && never?.description.contains("the answer needs 71 MiB") == true)
        let countless = #expect(throws: MemoryRefusal.self) {
            try second.take(1 << 40, 1 << 40, each: 8, for: "the answer")
        }
        #expect(countless?.isTemporary == false)
        let overflowing = #expect(throws: MemoryRefusal.self) { try first.take(.max, for: "content") }
        #expect(overflowing?.isTemporary == false && budget.used == 60 << 20)
    }

    @Test("large shares leave an eighth of the budget to small ones")
    func reserveForSmall() throws {
        let budget = MemoryBudget(limit: 80 << 20)
        let large = MemoryShare(of: budget)
        try large.take(70 << 20, for: "content")
        var small: [MemoryShare] = []
        for _ in 0..<10 {
            let share = MemoryShare(of: budget)
            try share.take(MemoryBudget.smallShare, for: "content")
            small.append(share)
        }
        #expect(throws: MemoryRefusal.self) { try MemoryShare(of: budget).take(1, for: "content") }
        #expect(throws: MemoryRefusal.self) { try large.take(1, for: "content") }
    }

    @Test("threads that take and give back leave the count exact")
    func concurrency() {
        let budget = MemoryBudget(limit: 1000)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for size in 1...2000 {
                let share = MemoryShare(of: budget)
                try? share.take(size % 300, for: "content")
                share.giveBack(size % 7)
                #expect(budget.used <= 1000)
            }
        }
        #expect(budget.used == 0)
    }
}
