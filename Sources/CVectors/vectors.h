// The few things about vectors that Swift does not reach: what the processor can do; fused multiply-add as one
// instruction (the library's goes lane by lane and hopes that the optimizer puts the lanes together again); loads and
// stores of the first lanes only; bfloat16 and bytes. Clang's vector types are Swift's SIMD4, SIMD8 and SIMD16 of Float.
//
// Functions over one vector exist where the instructions do: the flags of the importing target decide (see Package.swift).

#ifndef CVECTORS_H
#define CVECTORS_H

#define VECTORS_INLINE static inline __attribute__((always_inline, nodebug))

typedef float vectors_4 __attribute__((ext_vector_type(4)));
typedef float vectors_8 __attribute__((ext_vector_type(8)));
typedef float vectors_16 __attribute__((ext_vector_type(16)));
typedef int vectors_integers_4 __attribute__((ext_vector_type(4)));
typedef int vectors_integers_8 __attribute__((ext_vector_type(8)));
typedef int vectors_integers_16 __attribute__((ext_vector_type(16)));

/// Whole numbers as the floats nearest to them. The library's conversion goes lane by lane.
VECTORS_INLINE vectors_4 vectors_float_4(vectors_integers_4 x) { return __builtin_convertvector(x, vectors_4); }
VECTORS_INLINE vectors_8 vectors_float_8(vectors_integers_8 x) { return __builtin_convertvector(x, vectors_8); }
VECTORS_INLINE vectors_16 vectors_float_16(vectors_integers_16 x) { return __builtin_convertvector(x, vectors_16); }

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

/// A square of four rows of floats, `source_stride` apart, as four columns.
VECTORS_INLINE void vectors_transpose_4(
    const float *_Nonnull source, long source_stride, float *_Nonnull target, long target_stride) {
    vectors_4 a, b, c, d;
    __builtin_memcpy(&a, source, sizeof a);
    __builtin_memcpy(&b, source + source_stride, sizeof b);
    __builtin_memcpy(&c, source + 2 * source_stride, sizeof c);
    __builtin_memcpy(&d, source + 3 * source_stride, sizeof d);
    vectors_4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    vectors_4 first = __builtin_shufflevector(ab, cd, 0, 1, 4, 5), second = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    vectors_4 third = __builtin_shufflevector(ab, cd, 0, 1, 4, 5), fourth = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
    __builtin_memcpy(target, &first, sizeof first);
    __builtin_memcpy(target + target_stride, &second, sizeof second);
    __builtin_memcpy(target + 2 * target_stride, &third, sizeof third);
    __builtin_memcpy(target + 3 * target_stride, &fourth, sizeof fourth);
}

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

/// Asks for a cache line that will be read soon, into the second level. Never faults.
VECTORS_INLINE void vectors_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0, 2); }

/// Tells the processor that this thread only waits, so that the other thread of its core, or its clock, may gain.
VECTORS_INLINE void vectors_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __builtin_arm_yield();
#endif
}

// Numbers of less than 32 bits. Loops that the compiler turns into vectors.

/// The bits of the bfloat16 nearest to x, ties to even; NaN stays NaN.
VECTORS_INLINE unsigned vectors_round_bfloat16(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    unsigned rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return x != x ? bits >> 16 | 0x40u : rounded;
}

/// count floats as bfloat16, two to a place of 32 bits; an odd last one beside 0.
VECTORS_INLINE void vectors_place_bfloat16(const float *_Nonnull source, long count, float *_Nonnull places) {
    unsigned *target = (unsigned *)places;
    for (long pair = 0; pair < count / 2; pair++) {
        target[pair] =
            vectors_round_bfloat16(source[2 * pair]) | vectors_round_bfloat16(source[2 * pair + 1]) << 16;
    }
    if (count % 2) target[count / 2] = vectors_round_bfloat16(source[count - 1]);
}

/// count pairs of floats, one of each row, as bfloat16; without `odd` beside 0.
VECTORS_INLINE void vectors_pair_bfloat16(
    const float *_Nonnull even, const float *_Nullable odd, long count, float *_Nonnull places) {
    unsigned *target = (unsigned *)places;
    if (odd) {
        for (long index = 0; index < count; index++)
            target[index] = vectors_round_bfloat16(even[index]) | vectors_round_bfloat16(odd[index]) << 16;
    } else {
        for (long index = 0; index < count; index++) target[index] = vectors_round_bfloat16(even[index]);
    }
}

/// The greatest magnitude of count floats, `stride` apart. Magnitudes of floats are ordered as their bits.
VECTORS_INLINE float vectors_greatest(const float *_Nonnull source, long stride, long count) {
    int greatest = 0;
    for (long index = 0; index < count; index++) {
        int bits;
        __builtin_memcpy(&bits, source + index * stride, sizeof bits);
        bits &= 0x7fffffff;
        greatest = bits > greatest ? bits : greatest;
    }
    float result;
    __builtin_memcpy(&result, &greatest, sizeof result);
    return result;
}

/// x, a magnitude of at most 2²¹, to the nearest whole number, ties to even.
VECTORS_INLINE int vectors_round(float x) {
    // Adding 1.5·2²³ leaves the whole number in the low bits.
    float shifted = x + 12582912.0f;
    int bits;
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4b400000;
}

/// count floats times `factor` as whole numbers plus 128, four to a place of 32 bits; what the last place has beyond
/// them is 0.
VECTORS_INLINE void vectors_place_bytes(
    const float *_Nonnull source, long count, float factor, float *_Nonnull places) {
    unsigned char *target = (unsigned char *)places;
    for (long index = 0; index < count; index++) {
        // A product of its own: fused with the addition it would round otherwise where there is no fused form.
        float scaled = source[index] * factor;
        target[index] = (unsigned char)(vectors_round(scaled) + 128);
    }
    for (long index = count; index % 4; index++) target[index] = 0;
}

// sum + Σ factor·weight over the four bytes of every lane, the factor's without a sign, as integers. The bits of integers
// travel as floats, since tiles do not know what they hold.
#if defined(__x86_64__)
#include <immintrin.h>

/// Even bytes as 16-bit numbers, then odd ones; products and their sums are exact in 32 bits.
VECTORS_INLINE vectors_4 vectors_dot_widened_4(vectors_4 factor, vectors_4 weights, vectors_4 sum) {
    __m128i f = (__m128i)factor, w = (__m128i)weights;
    __m128i even = _mm_madd_epi16(_mm_and_si128(f, _mm_set1_epi16(0xff)), _mm_srai_epi16(_mm_slli_epi16(w, 8), 8));
    __m128i odd = _mm_madd_epi16(_mm_srli_epi16(f, 8), _mm_srai_epi16(w, 8));
    return (vectors_4)_mm_add_epi32((__m128i)sum, _mm_add_epi32(even, odd));
}
#elif defined(__aarch64__)
VECTORS_INLINE vectors_4 vectors_dot_widened_4(vectors_4 factor, vectors_4 weights, vectors_4 sum) {
    typedef int integers __attribute__((ext_vector_type(4)));
    integers f = (integers)factor, w = (integers)weights, s = (integers)sum;
    for (int shift = 0; shift < 32; shift += 8) s += (f >> shift & 0xff) * (w << (24 - shift) >> 24);
    return (vectors_4)s;
}
#endif

#if defined(__AVX2__)
VECTORS_INLINE vectors_8 vectors_dot_widened_8(vectors_8 factor, vectors_8 weights, vectors_8 sum) {
    __m256i f = (__m256i)factor, w = (__m256i)weights;
    __m256i even =
        _mm256_madd_epi16(_mm256_and_si256(f, _mm256_set1_epi16(0xff)), _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8));
    __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(f, 8), _mm256_srai_epi16(w, 8));
    return (vectors_8)_mm256_add_epi32((__m256i)sum, _mm256_add_epi32(even, odd));
}
#endif

#if defined(__AVX512BW__)
VECTORS_INLINE vectors_16 vectors_dot_widened_16(vectors_16 factor, vectors_16 weights, vectors_16 sum) {
    __m512i f = (__m512i)factor, w = (__m512i)weights;
    __m512i even =
        _mm512_madd_epi16(_mm512_and_si512(f, _mm512_set1_epi16(0xff)), _mm512_srai_epi16(_mm512_slli_epi16(w, 8), 8));
    __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(f, 8), _mm512_srai_epi16(w, 8));
    return (vectors_16)_mm512_add_epi32((__m512i)sum, _mm512_add_epi32(even, odd));
}
#endif

#endif
