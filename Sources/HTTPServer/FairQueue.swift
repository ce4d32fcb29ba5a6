import DequeModule

/// What waits for its turn, given out in rounds of the clients it belongs to: the first of each client, then the second
/// of each, and so on. However much of one client waits, what comes of another is among the next ones.
///
/// Adding and taking cost the same whatever waits.
struct FairQueue<Element> {
    /// What waits of each client, in the order in which it came.
    private var lines: [ClientKey: Deque<Element>] = [:]
    /// The clients of whom something waits: who is first has the next turn, and then goes to the end.
    private var round = Deque<ClientKey>()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    mutating func append(_ element: Element, of client: ClientKey) {
        if lines[client]?.isEmpty ?? true { round.append(client) }
        lines[client, default: Deque()].append(element)
        count += 1
    }

    /// Takes the next ones out, at most so many.
    mutating func take(_ most: Int) -> [Element] {
        var taken: [Element] = []
        taken.reserveCapacity(min(most, count))
        while taken.count < most, let client = round.popFirst() {
            guard let element = lines[client]?.popFirst() else { continue }
            taken.append(element)
            if lines[client]?.isEmpty == false {
                round.append(client)
            } else if lines.count > Self.mostKept || taken.count > Self.mostKept {
                // The memory of a flood is not kept for what comes after it.
                lines[client] = nil
            }
        }
        count -= taken.count
        return taken
    }

    /// Lines of clients of whom nothing waits are kept, for they are likely to come again; not without bound.
    private static var mostKept: Int { 64 }
}
