import Foundation

@testable import Store

/// A data folder of its own for one test, removed at its end.
final class StoreFolder {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "timestep-store-" + UUID().uuidString
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func open(
        _ role: Store.Role = .worker, _ options: Store.Options = Store.Options(), at now: Date = .zero,
        operations: any FileOperations = SystemFiles()
    ) throws -> Store {
        try Store(directory: path, role: role, options: options, at: now, operations: operations)
    }

    /// Names of all stored files, `area/name`, sorted.
    func files() throws -> [String] {
        try FileArea.allCases.flatMap { area in
            try FileManager.default.contentsOfDirectory(atPath: path + "/" + area.rawValue).map {
                area.rawValue + "/" + $0
            }
        }.sorted()
    }
}

extension Date {
    /// Where the tests' clocks start; whole seconds, so that stored times come back equal.
    static let zero = Date(timeIntervalSince1970: 1_700_000_000)

    static func + (date: Date, seconds: Int) -> Date { date.addingTimeInterval(Double(seconds)) }
}
