import Dispatch
import Glibc
import Kernels
import Synchronization

/// The functions whose accuracy is promised.
enum Activation: String, CaseIterable, Sendable {
    case exp
    case tanh
    case sigmoid

    var function: ElementaryFunction {
        switch self {
        case .exp: .exp
        case .tanh: .tanh
        case .sigmoid: .sigmoid
        }
    }

    /// Units in the last place from the correctly rounded value, at most.
    var bound: Int {
        switch self {
        case .exp, .tanh: 2
        case .sigmoid: 3
        }
    }

    /// The value to some 2⁻⁵⁰ of itself, which leaves the correctly rounded float in doubt for a few inputs in 2³² only,
    /// and there by one unit.
    @inline(__always)
    func exact(_ x: Double) -> Double {
        switch self {
        case .exp:
            // Beyond 2⁻³⁰ the square term is below half a unit of Double.
            return abs(x) < 0x1p-30 ? 1 + x : Glibc.exp(x)
        case .tanh:
            let magnitude = abs(x)
            if magnitude > 20 { return x < 0 ? -1 : 1 }
            if magnitude < 0.02 {
                // The series: e²ˣ - 1 would cancel. Its next term is 1382/155925·x¹¹, 10⁻¹⁹ of x here.
                let square = x * x
                let terms = -1.0 / 3 + square * (2.0 / 15 + square * (-17.0 / 315 + square * (62.0 / 2_835)))
                return x + x * square * terms
            }
            let power = Glibc.exp(2 * magnitude)
            let value = (power - 1) / (power + 1)
            return x < 0 ? -value : value
        case .sigmoid:
            if abs(x) < 0x1p-30 { return 0.5 + 0.25 * x }
            let power = Glibc.exp(-abs(x))
            return (x < 0 ? power : 1) / (1 + power)
        }
    }

    /// The value at an input where it must be met to the bit; nil elsewhere.
    func demanded(_ x: Float) -> Float? {
        guard x == 0 || x.isInfinite else { return nil }
        switch self {
        case .exp: return x == 0 ? 1 : x < 0 ? 0 : .infinity
        case .tanh: return x == 0 ? x : x < 0 ? -1 : 1
        case .sigmoid: return x == 0 ? 0.5 : x < 0 ? 0 : 1
        }
    }
}

/// What was found of one function.
struct ActivationReport: Sendable {
    struct Worst: Sendable, Equatable {
        /// Floats between the result and the correctly rounded value.
        var distance = 0
        var distanceAt: UInt32 = 0
        /// |result - exact| in units of the last place of the correctly rounded value.
        var error = 0.0
        var errorAt: UInt32 = 0

        mutating func merge(_ other: Worst) {
            if other.distance > distance { (distance, distanceAt) = (other.distance, other.distanceAt) }
            if other.error > error { (error, errorAt) = (other.error, other.errorAt) }
        }
    }

    var activation: Activation
    var inputs = 0
    /// By instruction set: one with fused multiply-add for all of them, and the baseline.
    var worst: [(set: String, worst: Worst)]
    /// An input that a set answers with other bits than the first.
    var differing: (set: String, at: UInt32)?
    /// An input at which the value must be exact, and is not.
    var inexact: (set: String, at: UInt32)?

    mutating func merge(_ other: ActivationReport) {
        inputs += other.inputs
        for index in worst.indices { worst[index].worst.merge(other.worst[index].worst) }
        differing = differing ?? other.differing
        inexact = inexact ?? other.inexact
    }

    var failures: [String] {
        var failures: [String] = []
        for (set, worst) in worst {
            let bound = activation.bound
            if worst.distance > bound {
                failures.append(
                    "\(activation.rawValue) on \(set) lies \(worst.distance) units in the last place from the correctly "
                        + "rounded value at \(Float(bitPattern: worst.distanceAt)), more than \(bound)")
            }
        }
        if let inexact {
            failures.append(
                "\(activation.rawValue) on \(inexact.set) is not exact at \(Float(bitPattern: inexact.at))")
        }
        if let differing {
            failures.append(
                "\(activation.rawValue) on \(differing.set) has bits of its own at "
                    + "\(Float(bitPattern: differing.at))")
        }
        return failures
    }
}

/// Goes over the floats of one function, block by block, on several threads.
struct ActivationSurvey: Sendable {
    static let fusedSets = InstructionSet.available.filter { $0 != .baseline }

    let activation: Activation
    /// Bit patterns from one input to the next.
    let stride: UInt64

    private static let patterns: UInt64 = 1 << 32
    private static let blockSize = 1 << 14

    init(_ activation: Activation, stride: UInt64) {
        self.activation = activation
        self.stride = stride
    }

    /// The sets whose results are held against exact values: one for all with fused multiply-add, whose bits must agree.
    private static let measuredSets =
        (fusedSets.last.map { [$0] } ?? []) + InstructionSet.available.filter { $0 == .baseline }

    private var empty: ActivationReport {
        ActivationReport(
            activation: activation, worst: Self.measuredSets.map { ($0.rawValue, ActivationReport.Worst()) })
    }

    func run(threads: Int) -> ActivationReport {
        let total = Mutex(empty)
        let next = Atomic<Int>(0)
        let inputs = Int((Self.patterns + stride - 1) / stride)
        let blocks = (inputs + Self.blockSize - 1) / Self.blockSize
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            var own = empty
            let block = SurveyBlock(capacity: Self.blockSize)
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < blocks else { break }
                let first = index * Self.blockSize
                block.fill(
                    activation, first: UInt64(first) * stride, stride: stride,
                    count: min(Self.blockSize, inputs - first))
                survey(block, into: &own)
            }
            total.withLock { $0.merge(own) }
        }
        return total.withLock { $0 }
    }

    private func survey(_ block: SurveyBlock, into report: inout ActivationReport) {
        report.inputs += block.count
        var isFirst = true
        for set in Self.fusedSets.reversed() {
            block.apply(activation.function, set, keeps: isFirst)
            if !isFirst, report.differing == nil, let at = block.firstDifference() {
                report.differing = (set.rawValue, at)
            }
            if isFirst { measure(block, set, 0, into: &report) }
            isFirst = false
        }
        if let baseline = Self.measuredSets.last, baseline == .baseline {
            block.apply(activation.function, baseline, keeps: false)
            measure(block, baseline, Self.measuredSets.count - 1, into: &report)
        }
    }

    private func measure(
        _ block: SurveyBlock, _ set: InstructionSet, _ index: Int, into report: inout ActivationReport
    ) {
        var worst = report.worst[index].worst
        if let inexact = block.compare(activation, &worst), report.inexact == nil {
            report.inexact = (set.rawValue, inexact)
        }
        report.worst[index].worst = worst
    }
}

/// Some inputs, their exact values, and what a set of kernels answers.
private final class SurveyBlock {
    private let inputs: Buffer
    private let results: Buffer
    /// The results of the first set with fused multiply-add.
    private let kept: Buffer
    private var exact: [Double]
    /// The exact values, correctly rounded.
    private let rounded: Buffer
    private(set) var count = 0
    private let kernels = Dictionary(uniqueKeysWithValues: InstructionSet.available.map { ($0, KernelSet($0)) })

    init(capacity: Int) {
        inputs = Buffer(count: capacity)
        results = Buffer(count: capacity)
        kept = Buffer(count: capacity)
        rounded = Buffer(count: capacity)
        exact = [Double](repeating: 0, count: capacity)
    }

    func fill(_ activation: Activation, first: UInt64, stride: UInt64, count: Int) {
        self.count = count
        for index in 0..<count {
            inputs.base[index] = Float(bitPattern: UInt32(truncatingIfNeeded: first + UInt64(index) * stride))
        }
        // One loop a function, or every input would choose anew.
        switch activation {
        case .exp: fill { Activation.exp.exact($0) }
        case .tanh: fill { Activation.tanh.exact($0) }
        case .sigmoid: fill { Activation.sigmoid.exact($0) }
        }
    }

    @inline(__always)
    private func fill(_ value: (Double) -> Double) {
        exact.withUnsafeMutableBufferPointer { exact in
            for index in 0..<count {
                exact[index] = value(Double(inputs.base[index]))
                rounded.base[index] = Float(exact[index])
            }
        }
    }

    func apply(_ function: ElementaryFunction, _ set: InstructionSet, keeps: Bool) {
        guard let kernels = kernels[set] else { return }
        let target = results.rows(count: 1, width: count)
        kernels.map(function, inputs.rows(count: 1, width: count).rows, into: target)
        if keeps { kept.base.update(from: results.base, count: count) }
    }

    /// An input whose result is not the kept one, NaN of any kind aside.
    func firstDifference() -> UInt32? {
        guard memcmp(results.base, kept.base, count * MemoryLayout<Float>.stride) != 0 else { return nil }
        for index in 0..<count where results.base[index].bitPattern != kept.base[index].bitPattern {
            if results.base[index].isNaN && kept.base[index].isNaN { continue }
            return inputs.base[index].bitPattern
        }
        return nil
    }

    /// Raises `worst` to the errors of this block.
    ///
    /// - Returns: an input at which the result must be exact, or NaN, and is not.
    func compare(_ activation: Activation, _ worst: inout ActivationReport.Worst) -> UInt32? {
        var inexact: UInt32?
        exact.withUnsafeBufferPointer { exact in
            for index in 0..<count {
                let (x, y, rounded) = (inputs.base[index], results.base[index], rounded.base[index])
                // The correctly rounded value: most results are, and no error beyond half a unit hides among them.
                if y.bitPattern == rounded.bitPattern && !y.isNaN && worst.error >= 0.5 { continue }
                if x.isNaN || y.isNaN {
                    if x.isNaN != y.isNaN { inexact = x.bitPattern }
                    continue
                }
                if let demanded = activation.demanded(x), demanded.bitPattern != y.bitPattern {
                    inexact = x.bitPattern
                }
                let distance = abs(Self.place(y) - Self.place(rounded))
                if distance > worst.distance { (worst.distance, worst.distanceAt) = (distance, x.bitPattern) }
                // The unit of a value beyond the greatest float is infinite.
                guard rounded.isFinite, y.isFinite else { continue }
                let error = abs(Double(y) - exact[index])
                let unit = Double(rounded.magnitude.ulp)
                if error > worst.error * unit { (worst.error, worst.errorAt) = (error / unit, x.bitPattern) }
            }
        }
        return inexact
    }

    /// Where a float stands in the order of all floats; +0 and -0 stand in one place.
    @inline(__always)
    private static func place(_ x: Float) -> Int {
        let bits = Int(x.bitPattern & 0x7fff_ffff)
        return x.sign == .minus ? -bits : bits
    }
}
