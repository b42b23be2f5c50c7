// Sixteen floats in a ZMM register (AVX-512 F, BW, DQ, VL).
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 warns of its own _mm512_undefined_ps() (bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#include <stddef.h>
#include <stdint.h>

namespace {

constexpr int kLanes = 16;

struct Vec {
  __m512 v;
};
struct Mask {
  __mmask16 m;
};
struct Index {
  __m512i i;
};

inline __mmask16 tail_mask(size_t n) { return static_cast<__mmask16>(n >= 16 ? 0xffffu : (1u << n) - 1u); }
inline Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, Vec a) { _mm512_storeu_ps(p, a.v); }
inline Vec load_tail(const float* p, size_t n) { return {_mm512_maskz_loadu_ps(tail_mask(n), p)}; }
inline void store_tail(float* p, Vec a, size_t n) { _mm512_mask_storeu_ps(p, tail_mask(n), a.v); }
inline Vec splat(float a) { return {_mm512_set1_ps(a)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
// acc += a*b, with acc kept in its own register. Left to itself GCC 12 lets the product's register become the sum's
// (vfmadd132) and the accumulators of a 14x2 tile wander until some spill.
inline void accumulate(Vec& acc, Vec a, Vec b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+v"(acc.v) : "v"(a.v), "v"(b.v));
#else
  acc = fma(a, b, acc);
#endif
}
// The same for lanes 0 to 7; the others of acc become 0. Half the work where 512 bits take both multiply-add units.
inline void accumulate_lower(Vec& acc, Vec a, Vec b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %t2, %t1, %t0" : "+v"(acc.v) : "v"(a.v), "v"(b.v));
#else
  acc.v = _mm512_zextps256_ps512(
      _mm256_fmadd_ps(_mm512_castps512_ps256(a.v), _mm512_castps512_ps256(b.v), _mm512_castps512_ps256(acc.v)));
#endif
}
// Vectors of two pixels' lanes 0 to 7: all lanes of the factors are the pixel, b has its lanes 0 to 7 twice.
inline void repeat_lower(Vec& v) { v.v = _mm512_shuffle_f32x4(v.v, v.v, 0x44); }
inline void accumulate_pair(Vec& acc, Vec lower, Vec upper, Vec b) {
  accumulate(acc, {_mm512_mask_blend_ps(0xff00, lower.v, upper.v)}, b);
}
// The second pixel's lanes; those of the first stay where they are.
inline void split_pair(Vec pair, Vec& upper) { upper.v = _mm512_shuffle_f32x4(pair.v, pair.v, 0xee); }
inline Vec add(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
inline Vec sub(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline Vec mul(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline Vec div(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
inline Vec abs(Vec a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.f), a.v)}; }
inline Vec neg(Vec a) { return {_mm512_xor_ps(_mm512_set1_ps(-0.f), a.v)}; }
inline Vec sqrt(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
inline Vec round(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec floor(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline Vec ceil(Vec a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
inline Mask less(Vec a, Vec b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask is_nan(Vec a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
inline Vec select(Mask m, Vec a, Vec b) { return {_mm512_mask_blend_ps(m.m, b.v, a.v)}; }
// a * 2^n for integral n with |n| <= 252, rounded once
inline Vec ldexp(Vec a, Vec n) { return {_mm512_scalef_ps(a.v, n.v)}; }
template <int n>
inline Vec shift_bits(Vec a) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), n))};
}
inline Vec add_bits(Vec a, Vec b) {
  return {_mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a.v), _mm512_castps_si512(b.v)))};
}
inline Vec lookup(const float (&table)[8], Vec a) {
  return {_mm512_permutexvar_ps(_mm512_castps_si512(a.v), _mm512_broadcast_f32x8(_mm256_loadu_ps(table)))};
}
inline Vec split_exponent(Vec a, Vec* exponent) {
  const __m512i bits = _mm512_castps_si512(a.v);
  const __m512i e = _mm512_and_si512(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(0xff));
  exponent->v = _mm512_cvtepi32_ps(_mm512_sub_epi32(e, _mm512_set1_epi32(126)));
  const __m512i m =
      _mm512_or_si512(_mm512_and_si512(bits, _mm512_set1_epi32(0x007fffff)), _mm512_set1_epi32(0x3f000000));
  return {_mm512_castsi512_ps(m)};
}
inline Index load_index(const int32_t* p) { return {_mm512_loadu_si512(p)}; }
inline Vec permute(Vec a, Index index) { return {_mm512_permutexvar_ps(index.i, a.v)}; }
inline Vec permute2(Vec a, Vec b, Index index) { return {_mm512_permutex2var_ps(a.v, index.i, b.v)}; }
inline float sum(Vec a) {
  const __m256 o = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(o), _mm256_extractf128_ps(o, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
// NaN if any lane is.
inline float max_of(Vec a) {
  if (is_nan(a).m) return __builtin_nanf("");
  const __m256 o = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(o), _mm256_extractf128_ps(o, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_shuffle_ps(d, d, 1)));
}
inline void transpose_tile(Vec (&r)[kLanes]) {
  __m512 t[16], u[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    t[2 * i] = _mm512_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
    t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    u[4 * i] = _mm512_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    u[4 * i + 1] = _mm512_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    u[4 * i + 2] = _mm512_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    u[4 * i + 3] = _mm512_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
  // u[4*g + c] holds, in its 128-bit part p, elements 4*p + c of rows 4*g .. 4*g+3: transpose the 4x4 grid of parts.
#pragma GCC unroll 4
  for (int c = 0; c < 4; ++c) {
    const __m512 a = _mm512_shuffle_f32x4(u[c], u[c + 4], 0x44);
    const __m512 b = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0x44);
    const __m512 d = _mm512_shuffle_f32x4(u[c], u[c + 4], 0xee);
    const __m512 e = _mm512_shuffle_f32x4(u[c + 8], u[c + 12], 0xee);
    r[c].v = _mm512_shuffle_f32x4(a, b, 0x88);
    r[c + 4].v = _mm512_shuffle_f32x4(a, b, 0xdd);
    r[c + 8].v = _mm512_shuffle_f32x4(d, e, 0x88);
    r[c + 12].v = _mm512_shuffle_f32x4(d, e, 0xdd);
  }
}
// Into the second cache. The address may be anything: a prefetch never faults.
inline void prefetch_far(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1); }
inline void prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace
