import Dispatch
import Foundation
import Glibc
import Kernels
import Synchronization

/// What the processor can do at all: operations in registers, and bytes read from memory of any size. Measured when
/// first asked for, in the same run as what is held against it.
///
/// A thread's part is timed by the processor time of that thread, so that other work on the machine lowers no limit.
final class MachineLimits {
    let kernels: KernelSet
    let caches: CacheSizes
    private var operations: [String: Double?] = [:]
    private var bandwidths: [String: Double] = [:]

    init(_ set: InstructionSet) {
        kernels = KernelSet(set)
        caches = CacheSizes()
    }

    /// Multiplications and additions a second in registers; nil where the instruction set has no dot products of this
    /// precision.
    func operationsPerSecond(_ precision: Precision, threads: Int = 1) -> Double? {
        let key = "\(precision) \(threads)"
        if let known = operations[key] { return known }
        let kernels = kernels
        let rounds = 200_000
        guard Self.run(kernels, precision, rounds: 1) != nil else {
            operations[key] = .some(nil)
            return nil
        }
        let rate = Self.together(threads) { _ in
            let run = { Double(Self.run(kernels, precision, rounds: rounds) ?? 0) }
            return Self.best(of: 10, run)
        }
        operations[key] = rate
        return rate
    }

    private static func run(_ kernels: KernelSet, _ precision: Precision, rounds: Int) -> Int? {
        switch precision {
        case .float32: kernels.multiplyAdds(rounds: rounds)
        case .bfloat16: kernels.bfloat16Dots(rounds: rounds)
        case .int8: kernels.int8Dots(rounds: rounds)
        }
    }

    /// What bounds a product of this precision: its own dot products, or float32's where there are none.
    func productsPerSecond(_ precision: Precision, threads: Int) -> Double {
        operationsPerSecond(precision, threads: threads) ?? operationsPerSecond(.float32, threads: threads) ?? .infinity
    }

    /// Bytes a second, read again and again from `bytes` of memory that the threads divide among them.
    func bytesPerSecond(workingSet bytes: Int, threads: Int = 1) -> Double {
        let key = "\(bytes) \(threads)"
        if let known = bandwidths[key] { return known }
        let kernels = kernels
        let share = max(bytes / threads / MemoryLayout<Float>.stride, Self.leastFloats)
        let memory = ReadMemory(floats: share * threads)
        let rounds = max(1, Self.bytesPerBlock / (share * MemoryLayout<Float>.stride))
        let rate = Self.together(threads) { thread in
            let range = thread * share..<(thread + 1) * share
            return KernelSet.ReadOrder.allCases.map { order in
                Self.best(of: 6) { Double(kernels.readSums(memory.buffer, range, order: order, rounds: rounds)) }
            }.max() ?? 0
        }
        bandwidths[key] = rate
        return rate
    }

    /// Eight vectors of the widest set.
    private static let leastFloats = 128
    /// Read in one measurement: some hundreds of microseconds from the first cache level, ten milliseconds from memory.
    private static let bytesPerBlock = 1 << 26

    /// Memory that several threads read and none writes.
    private final class ReadMemory: Sendable {
        let buffer: Buffer
        init(floats: Int) { buffer = Buffer(count: floats) }
    }

    /// The sum over threads that run at once of what each reaches.
    private static func together(_ threads: Int, _ rate: @Sendable (Int) -> Double) -> Double {
        if threads == 1 { return rate(0) }
        let sum = Mutex(0.0)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            let own = rate(thread)
            sum.withLock { $0 += own }
        }
        return sum.withLock { $0 }
    }

    /// The greatest number a second of what `run` answers.
    private static func best(of times: Int, _ run: () -> Double) -> Double {
        _ = run()
        return (0..<times).map { _ in
            let began = Stopwatch.Clock.processor.seconds
            let amount = run()
            return amount / max(Stopwatch.Clock.processor.seconds - began, 1e-9)
        }.max() ?? 0
    }
}

/// Sizes of the processor's caches in bytes, as the system tells them; common ones where it does not.
struct CacheSizes {
    private(set) var first = 32 << 10
    private(set) var second = 1 << 20
    private(set) var third = 32 << 20

    init(root: String = "/sys/devices/system/cpu/cpu0/cache") {
        func word(_ path: String) -> String? {
            (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        for index in 0..<8 {
            let folder = "\(root)/index\(index)"
            guard let level = word(folder + "/level"), word(folder + "/type") != "Instruction",
                let size = word(folder + "/size").flatMap(Self.bytes)
            else { continue }
            switch level {
            case "1": first = size
            case "2": second = size
            case "3": third = size
            default: continue
            }
        }
    }

    /// "32K", "1024K", "16M".
    private static func bytes(_ text: String) -> Int? {
        guard let number = Int(text.prefix { $0.isNumber }), number > 0 else { return nil }
        switch text.drop(while: \.isNumber) {
        case "K": return number << 10
        case "M": return number << 20
        default: return number
        }
    }

    // Working sets that belong to one level: well inside it, and too large for the one before.
    var withinFirst: Int { first / 2 }
    var withinSecond: Int { max(second / 2, 2 * first) }
    var withinThird: Int { max(min(third / 2, 8 * second), 2 * second) }
    var beyond: Int { 4 * third }
}

/// The processor's name, as the system tells it.
enum Processor {
    static let name: String = {
        let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
    }()

    static let cores = ProcessInfo.processInfo.activeProcessorCount
}
