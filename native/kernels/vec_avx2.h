// Eight floats in a YMM register (AVX2 + FMA). Tails use masked loads and 4-2-1 stores: a masked store is microcoded on
// several AMD parts.
#pragma once
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace {

constexpr int kLanes = 8;

struct Vec {
  __m256 v;
};
struct Mask {
  __m256 m;
};
struct Index {
  __m256i i;
};

inline __m256i tail_mask(size_t n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}
inline Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, Vec a) { _mm256_storeu_ps(p, a.v); }
inline Vec load_tail(const float* p, size_t n) { return {_mm256_maskload_ps(p, tail_mask(n))}; }
inline void store_tail(float* p, Vec a, size_t n) {
  if (n >= 8) return store(p, a);
  __m128 low = _mm256_castps256_ps128(a.v);
  if (n & 4) {
    _mm_storeu_ps(p, low);
    low = _mm256_extractf128_ps(a.v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), low);
    low = _mm_movehl_ps(low, low);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, low);
}
inline Vec splat(float a) { return {_mm256_set1_ps(a)}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
// acc += a*b, with acc kept in its own register; see vec_avx512.h.
inline void accumulate(Vec& acc, Vec a, Vec b) {
#if defined(__GNUC__)
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(acc.v) : "x"(a.v), "x"(b.v));
#else
  acc = fma(a, b, acc);
#endif
}
inline Vec add(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
inline Vec sub(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline Vec mul(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline Vec div(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
inline Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
inline Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
inline Vec abs(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.f), a.v)}; }
inline Vec neg(Vec a) { return {_mm256_xor_ps(_mm256_set1_ps(-0.f), a.v)}; }
inline Vec sqrt(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
inline Vec round(Vec a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Vec floor(Vec a) { return {_mm256_floor_ps(a.v)}; }
inline Vec ceil(Vec a) { return {_mm256_ceil_ps(a.v)}; }
inline Mask less(Vec a, Vec b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
inline Mask is_nan(Vec a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
inline Vec select(Mask m, Vec a, Vec b) { return {_mm256_blendv_ps(b.v, a.v, m.m)}; }
// a * 2^n for integral n with |n| <= 252, rounded once
inline Vec ldexp(Vec a, Vec n) {
  const __m256i whole = _mm256_cvtps_epi32(n.v), bias = _mm256_set1_epi32(127);
  const __m256i half = _mm256_srai_epi32(whole, 1);
  const __m256i low = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i high = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(whole, half), bias), 23);
  return {_mm256_mul_ps(_mm256_mul_ps(a.v, _mm256_castsi256_ps(low)), _mm256_castsi256_ps(high))};
}
template <int n>
inline Vec shift_bits(Vec a) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a.v), n))};
}
inline Vec add_bits(Vec a, Vec b) {
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.v), _mm256_castps_si256(b.v)))};
}
inline Vec lookup(const float (&table)[8], Vec a) {
  return {_mm256_permutevar8x32_ps(_mm256_loadu_ps(table), _mm256_castps_si256(a.v))};
}
inline Vec split_exponent(Vec a, Vec* exponent) {
  const __m256i bits = _mm256_castps_si256(a.v);
  const __m256i e = _mm256_and_si256(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(0xff));
  exponent->v = _mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(126)));
  const __m256i m =
      _mm256_or_si256(_mm256_and_si256(bits, _mm256_set1_epi32(0x007fffff)), _mm256_set1_epi32(0x3f000000));
  return {_mm256_castsi256_ps(m)};
}
inline Index load_index(const int32_t* p) { return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))}; }
inline Vec permute(Vec a, Index index) { return {_mm256_permutevar8x32_ps(a.v, index.i)}; }
inline Vec permute2(Vec a, Vec b, Index index) {
  const __m256i from_b = _mm256_cmpgt_epi32(index.i, _mm256_set1_epi32(7));
  return {_mm256_blendv_ps(_mm256_permutevar8x32_ps(a.v, index.i), _mm256_permutevar8x32_ps(b.v, index.i),
                           _mm256_castsi256_ps(from_b))};
}
inline float sum(Vec a) {
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
}
// NaN if any lane is.
inline float max_of(Vec a) {
  if (_mm256_movemask_ps(is_nan(a).m)) return __builtin_nanf("");
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_shuffle_ps(d, d, 1)));
}
inline void transpose_tile(Vec (&r)[kLanes]) {
  __m256 t[8], u[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[2 * i] = _mm256_unpacklo_ps(r[2 * i].v, r[2 * i + 1].v);
    t[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i].v, r[2 * i + 1].v);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    u[4 * i] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0x44);
    u[4 * i + 1] = _mm256_shuffle_ps(t[4 * i], t[4 * i + 2], 0xee);
    u[4 * i + 2] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0x44);
    u[4 * i + 3] = _mm256_shuffle_ps(t[4 * i + 1], t[4 * i + 3], 0xee);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
    r[i + 4].v = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
  }
}
// Into the second cache. The address may be anything: a prefetch never faults.
inline void prefetch_far(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T1); }
inline void prefetch(const float* p) { _mm_prefetch(reinterpret_cast<const char*>(p), _MM_HINT_T0); }

}  // namespace
