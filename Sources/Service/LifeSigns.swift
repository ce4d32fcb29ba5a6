import CPosix
import Foundation

/// What a worker says to its supervisor, on the channel that is its standard input: one byte every second for as long as
/// it runs, and another one once it has begun to look for work.
///
/// A thread of its own says it, so a long step is not silence. Silence is a process that was stopped, or that waits for
/// a disk or for memory that does not come: it holds its job and does nothing, and `Supervisor` puts another in its
/// place.
public final class LifeSigns: Sendable {
    static let alive: UInt8 = 0x61  // a
    static let ready: UInt8 = 0x72  // r
    static let interval: Duration = .seconds(1)

    private let descriptor: Int32

    /// Signs from now on until the process ends. Where the descriptor is no channel they go nowhere.
    public init(to descriptor: Int32) {
        self.descriptor = descriptor
        let thread = Thread {
            while true {
                _ = cposix_hint(descriptor, Self.alive)
                Thread.sleep(forTimeInterval: Self.interval.timeInterval)
            }
        }
        thread.name = "signs"
        thread.start()
    }

    /// The worker could start: should it end now, that was not for want of a program or a data folder.
    public func tellReady() { _ = cposix_hint(descriptor, Self.ready) }
}
