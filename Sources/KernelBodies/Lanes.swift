// The vector every body computes with, and the few operations that differ between instruction sets.
//
// This folder is compiled once per instruction set, each time with one of the defines below. Everything public
// takes raw pointers and integers only: a module built for AVX-512 that emitted a weak copy of generic library code
// (an array, a closure, a string) could lend that copy to a processor without it. `.ci/check-kernel-symbols` looks.

import CVectors

#if KERNELS_AVX512
typealias Lanes = SIMD16<Float>
typealias IntegerLanes = SIMD16<Int32>
#elseif KERNELS_AVX2
typealias Lanes = SIMD8<Float>
typealias IntegerLanes = SIMD8<Int32>
#else
typealias Lanes = SIMD4<Float>
typealias IntegerLanes = SIMD4<Int32>
#endif

/// The bodies of one instruction set. Kernels declares the protocol that all of them satisfy.
public enum Bodies {
    /// Floats in one vector.
    public static var laneCount: Int { Lanes.scalarCount }
}

/// sum + a·b: one rounding where the processor has fused multiply-add, two on the baseline, where the fused form
/// would be a library call for every lane.
@inline(__always)
func multiplyAdd(_ a: Lanes, _ b: Lanes, _ sum: Lanes) -> Lanes {
    #if KERNELS_BASELINE
    return sum + a * b
    #elseif KERNELS_AVX512
    return vectors_multiply_add_16(a, b, sum)
    #elseif KERNELS_AVX2
    return vectors_multiply_add_8(a, b, sum)
    #else
    return vectors_multiply_add_4(a, b, sum)
    #endif
}

@inline(__always)
func broadcast(_ value: Float) -> Lanes { Lanes(repeating: value) }

@inline(__always)
func bits(_ x: Lanes) -> IntegerLanes { unsafeBitCast(x, to: IntegerLanes.self) }

@inline(__always)
func lanes(_ bits: IntegerLanes) -> Lanes { unsafeBitCast(bits, to: Lanes.self) }

@inline(__always)
func magnitude(_ x: Lanes) -> Lanes { lanes(bits(x) & IntegerLanes(repeating: 0x7fff_ffff)) }

/// Whole numbers as the floats nearest to them.
@inline(__always)
func float(_ whole: IntegerLanes) -> Lanes {
    #if KERNELS_AVX512
    return vectors_float_16(whole)
    #elseif KERNELS_AVX2
    return vectors_float_8(whole)
    #else
    return vectors_float_4(whole)
    #endif
}

/// -x. The library's minus sign on vectors goes lane by lane.
@inline(__always)
func negated(_ x: Lanes) -> Lanes { lanes(bits(x) ^ IntegerLanes(repeating: Int32.min)) }

/// The smaller of each pair; a NaN in `x` stays a NaN.
@inline(__always)
func lesser(_ x: Lanes, _ bound: Float) -> Lanes {
    let limit = broadcast(bound)
    return x.replacing(with: limit, where: x .> limit)
}

/// The greater of each pair; a NaN in `x` stays a NaN.
@inline(__always)
func greater(_ x: Lanes, _ bound: Float) -> Lanes {
    let limit = broadcast(bound)
    return x.replacing(with: limit, where: x .< limit)
}

/// How a body reaches one vector of a row: whole, or the part that the row still has. Bodies are written once over
/// both, so that nothing is ever read or written outside a row.
protocol Access {
    func load(_ pointer: UnsafePointer<Float>) -> Lanes
    func store(_ vector: Lanes, _ pointer: UnsafeMutablePointer<Float>)
}

struct Whole: Access {
    @inline(__always)
    func load(_ pointer: UnsafePointer<Float>) -> Lanes {
        UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    func store(_ vector: Lanes, _ pointer: UnsafeMutablePointer<Float>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: vector, as: Lanes.self)
    }
}

/// The first `count` lanes; the others read as zero and are not written.
struct Part: Access {
    let count: Int

    @inline(__always)
    func load(_ pointer: UnsafePointer<Float>) -> Lanes {
        #if KERNELS_AVX512
        return vectors_load_16(pointer, count)
        #elseif KERNELS_AVX2
        return vectors_load_8(pointer, count)
        #else
        var whole = Lanes.zero
        var lane = 0
        while lane < count {
            whole[lane] = pointer[lane]
            lane += 1
        }
        return whole
        #endif
    }

    @inline(__always)
    func store(_ vector: Lanes, _ pointer: UnsafeMutablePointer<Float>) {
        #if KERNELS_AVX512
        vectors_store_16(vector, pointer, count)
        #elseif KERNELS_AVX2
        vectors_store_8(vector, pointer, count)
        #else
        var lane = 0
        while lane < count {
            pointer[lane] = vector[lane]
            lane += 1
        }
        #endif
    }
}
