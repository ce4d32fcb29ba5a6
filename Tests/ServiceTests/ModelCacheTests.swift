import Foundation
import Kernels
import Resources
import Store
import Testing
import Training

@testable import Service

/// Versions in memory: one entry for each precision, all of them within one bound.
struct ModelCacheTests {
    private static let model = ModelReference(name: "m")

    /// A cache over a place where a model was trained, and the bytes that each precision of it takes.
    private func cache(
        limit: ([Precision: Int]) -> Int
    ) throws -> (place: Workplace, cache: ModelCache, bytes: [Precision: Int]) {
        let place = try Workplace()
        #expect(try place.work(on: place.submit(epochs: 1)).status == .succeeded)
        func make(_ limit: Int) -> ModelCache {
            ModelCache(store: place.service.store, kernels: KernelSet(), memoryLimit: limit)
        }
        let measuring = make(.max)
        let bytes = try Dictionary(
            uniqueKeysWithValues: Precision.allCases.map { ($0, try measuring.model(Self.model, precision: $0).bytes) })
        return (place, make(limit(bytes)), bytes)
    }

    @Test("each precision of a version is loaded once and counted by itself")
    func counted() throws {
        let (place, cache, bytes) = try cache { _ in .max }
        for count in 1...Precision.allCases.count {
            let precision = Precision.allCases[count - 1]
            let loaded = try cache.model(Self.model, precision: precision)
            #expect(loaded.served.precision == precision && loaded.predictor.network.precision == precision)
            #expect(try cache.model(Self.model, precision: precision) === loaded)
            #expect(cache.count == count)
        }
        #expect(cache.bytes == bytes.values.reduce(0, +))
        // Without a wish it is the model's own.
        #expect(try cache.model(Self.model).served.precision == .float32)
        _ = try place.service.update("m", precision: .bfloat16)
        #expect(try cache.model(Self.model).served.precision == .bfloat16)
        #expect(cache.count == 3)
        cache.forget("m", version: 1)
        #expect(cache.count == 0 && cache.bytes == 0)
    }

    @Test("what nobody uses makes room for another precision, least recently used first")
    func evicted() throws {
        let (place, cache, bytes) = try cache { $0.values.reduce(0, +) - 1 }
        defer { withExtendedLifetime(place) {} }
        for precision in [Precision.float32, .bfloat16, .float32, .int8] {
            _ = try cache.model(Self.model, precision: precision)
        }
        #expect(cache.count == 2)
        #expect(cache.bytes == (bytes[.float32] ?? 0) + (bytes[.int8] ?? 0))
    }

    @Test("what is in use stays, and a precision that does not fit beside it is refused by its name")
    func refused() throws {
        let (place, cache, _) = try cache { $0.values.reduce(0, +) - 1 }
        defer { withExtendedLifetime(place) {} }
        let held = try [Precision.float32, .bfloat16].map { try cache.model(Self.model, precision: $0) }
        do {
            _ = try cache.model(Self.model, precision: .int8)
            Issue.record("it was loaded")
        } catch let error as ServiceError {
            guard case .full = error.reason else { throw error }
            #expect(error.detail.contains("int8"))
        }
        #expect(cache.count == 2)
        withExtendedLifetime(held) {}
    }

    @Test("a version that finds no room is refused before its file is read")
    func unread() throws {
        let (place, cache, _) = try cache { _ in 1_000 }
        let version = try place.service.version(Self.model)
        try FileManager.default.removeItem(atPath: place.service.modelPath(of: version))
        do {
            _ = try cache.model(Self.model)
            Issue.record("it was loaded")
        } catch let error as ServiceError {
            guard case .tooLarge = error.reason else { throw error }
        }
        #expect(cache.bytes == 0)
    }

    @Test("what is loaded counts with all that its file held, the end of its series too")
    func whole() throws {
        let place = try Workplace()
        let series = (0..<700).map { "\($0 % 7)\n" }.joined()
        _ = try place.work(
            on: place.submit(ForecastTask(target: ["y"], lookback: 500), epochs: 1, csv: "y\n" + series))
        let loaded = try ModelCache(store: place.service.store, kernels: KernelSet(), memoryLimit: .max)
            .model(Self.model)
        // 500 rows, each an array of one number.
        let parameters = loaded.model.parameters.values.count * MemoryLayout<Float>.stride
        #expect(loaded.bytes - parameters - loaded.predictor.network.byteCount >= 500 * 56)
    }

    @Test("a file that is read for a session takes of the memory of its request")
    func sessions() throws {
        let place = try Workplace()
        _ = try place.work(on: place.submit(epochs: 1))
        let little = Allowance(memory: MemoryShare(of: MemoryBudget(limit: 100)), cancellation: .never)
        #expect(throws: MemoryRefusal.self) {
            _ = try place.service.openSession(OpenSessionRequest(model: Self.model), within: little)
        }
        _ = try place.service.openSession(OpenSessionRequest(model: Self.model))
        // It is there already: nothing is read.
        _ = try place.service.openSession(OpenSessionRequest(model: Self.model), within: little)
    }
}
