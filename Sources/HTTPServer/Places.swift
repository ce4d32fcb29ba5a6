import Synchronization

/// The places for connections of all loops, and how many of them each client holds.
///
/// A client gets another place while it holds fewer than three times as many as are left. So one alone has three quarters
/// of them at most, several leave some too, and whoever holds none finds one. (After Choudhury and Hahne's thresholds for
/// buffers that are shared, IEEE/ACM Transactions on Networking 6:2, 1998.) Behind a proxy all connections are one
/// client's.
final class Places: Sendable {
    /// The configured number of connections, or what the process's limit on descriptors leaves.
    let count: Int
    /// How many are taken. Only the acceptor's loop adds to it.
    let taken = Atomic<Int>(0)
    private let held = Monitor<[ClientKey: Int]>([:])

    init(_ count: Int) {
        self.count = count
    }

    /// More than half are taken.
    var areFew: Bool { taken.load(ordering: .relaxed) > count / 2 }

    /// Takes a place, where there is one for this client.
    func take(_ client: ClientKey) -> Refusal? {
        let left = count - taken.load(ordering: .relaxed)
        guard left > 0 else { return .full }
        let mayTake = held.withLock { held in
            let count = held[client] ?? 0
            guard count < left * Self.mostPerPlaceLeft else { return false }
            held[client] = count + 1
            return true
        }
        guard mayTake else { return .unfair }
        taken.add(1, ordering: .relaxed)
        return nil
    }

    /// Gives a place back.
    func leave(_ client: ClientKey) {
        taken.subtract(1, ordering: .relaxed)
        held.withLock { held in
            let count = held[client] ?? 0
            held[client] = count > 1 ? count - 1 : nil
        }
    }

    private static let mostPerPlaceLeft = 3

    /// Why there is no place.
    enum Refusal {
        /// All are taken.
        case full
        /// The client holds too many for those that are left.
        case unfair
    }
}
