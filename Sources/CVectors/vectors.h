// The few things about vectors that Swift does not reach: what the processor can do; fused multiply-add as one
// instruction (the library's goes lane by lane and hopes that the optimiser puts the lanes together again); loads and
// stores of the first lanes only. Clang's vector types are Swift's SIMD4, SIMD8 and SIMD16 of Float.
//
// Each function exists where the instructions do: the flags of the importing target decide (see Package.swift).

#ifndef CVECTORS_H
#define CVECTORS_H

#define VECTORS_INLINE static inline __attribute__((always_inline, nodebug))

typedef float vectors_4 __attribute__((ext_vector_type(4)));
typedef float vectors_8 __attribute__((ext_vector_type(8)));
typedef float vectors_16 __attribute__((ext_vector_type(16)));
typedef int vectors_integers_16 __attribute__((ext_vector_type(16)));

#if defined(__x86_64__)
// What the processor can do and the operating system has enabled.
VECTORS_INLINE int vectors_processor_has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

VECTORS_INLINE int vectors_processor_has_avx512(void) {
    return vectors_processor_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}

VECTORS_INLINE int vectors_processor_has_avx512_bf16(void) {
    return vectors_processor_has_avx512() && __builtin_cpu_supports("avx512bf16");
}

VECTORS_INLINE int vectors_processor_has_avx512_vnni(void) {
    return vectors_processor_has_avx512() && __builtin_cpu_supports("avx512vnni");
}
#endif

#if defined(__FMA__) || defined(__aarch64__)
/// sum + a·b, rounded once.
VECTORS_INLINE vectors_4 vectors_multiply_add_4(vectors_4 a, vectors_4 b, vectors_4 sum) {
    return __builtin_elementwise_fma(a, b, sum);
}

VECTORS_INLINE vectors_8 vectors_multiply_add_8(vectors_8 a, vectors_8 b, vectors_8 sum) {
    return __builtin_elementwise_fma(a, b, sum);
}

VECTORS_INLINE vectors_16 vectors_multiply_add_16(vectors_16 a, vectors_16 b, vectors_16 sum) {
    return __builtin_elementwise_fma(a, b, sum);
}
#endif

#if defined(__AVX2__)
#include <immintrin.h>

VECTORS_INLINE __m256i vectors_first_8(long count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/// The first `count` of 8 floats, the others 0. Nothing beyond them is read.
VECTORS_INLINE vectors_8 vectors_load_8(const float *_Nonnull pointer, long count) {
    return (vectors_8)_mm256_maskload_ps(pointer, vectors_first_8(count));
}

/// Stores the first `count` of 8 floats.
VECTORS_INLINE void vectors_store_8(vectors_8 vector, float *_Nonnull pointer, long count) {
    _mm256_maskstore_ps(pointer, vectors_first_8(count), (__m256)vector);
}
#endif

#if defined(__AVX512F__)
/// The first `count` of 16 floats, the others 0. Nothing beyond them is read.
VECTORS_INLINE vectors_16 vectors_load_16(const float *_Nonnull pointer, long count) {
    return (vectors_16)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), pointer);
}

/// Stores the first `count` of 16 floats.
VECTORS_INLINE void vectors_store_16(vectors_16 vector, float *_Nonnull pointer, long count) {
    _mm512_mask_storeu_ps(pointer, (__mmask16)((1u << count) - 1u), (__m512)vector);
}
#endif

#if defined(__AVX512BF16__)
/// sum + a₀·b₀ + a₁·b₁ in every lane, a and b two bfloat16 a lane. Rounds and flushes as the instruction does: to nearest
/// with subnormal operands and results as 0.
VECTORS_INLINE vectors_16 vectors_dot_bfloat16(vectors_integers_16 a, vectors_integers_16 b, vectors_16 sum) {
    return (vectors_16)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#endif

#if defined(__AVX512VNNI__)
/// sum + a₀·b₀ + … + a₃·b₃ in every lane, exactly: a four unsigned bytes a lane, b four signed ones.
VECTORS_INLINE vectors_integers_16 vectors_dot_bytes(vectors_integers_16 a, vectors_integers_16 b,
                                                     vectors_integers_16 sum) {
    return (vectors_integers_16)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
}
#endif

#endif
