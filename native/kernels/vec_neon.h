// Eight floats in two Q registers (AArch64 NEON). The pair keeps the channel block, and so every layout, equal to
// AVX2's.
#pragma once
#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

namespace {

constexpr int kLanes = 8;

struct Vec {
  float32x4_t a, b;
};
struct Mask {
  uint32x4_t a, b;
};
struct Index {
  int32_t i[kLanes];
};

inline Vec load(const float* p) { return {vld1q_f32(p), vld1q_f32(p + 4)}; }
inline void store(float* p, Vec x) {
  vst1q_f32(p, x.a);
  vst1q_f32(p + 4, x.b);
}
inline float32x4_t load_part(const float* p, size_t n) {
  if (n >= 4) return vld1q_f32(p);
  float32x4_t r = vdupq_n_f32(0.f);
  if (n > 0) r = vld1q_lane_f32(p, r, 0);
  if (n > 1) r = vld1q_lane_f32(p + 1, r, 1);
  if (n > 2) r = vld1q_lane_f32(p + 2, r, 2);
  return r;
}
inline void store_part(float* p, float32x4_t x, size_t n) {
  if (n >= 4) return vst1q_f32(p, x);
  if (n > 0) vst1q_lane_f32(p, x, 0);
  if (n > 1) vst1q_lane_f32(p + 1, x, 1);
  if (n > 2) vst1q_lane_f32(p + 2, x, 2);
}
inline Vec load_tail(const float* p, size_t n) {
  return {load_part(p, n), n > 4 ? load_part(p + 4, n - 4) : vdupq_n_f32(0.f)};
}
inline void store_tail(float* p, Vec x, size_t n) {
  store_part(p, x.a, n);
  if (n > 4) store_part(p + 4, x.b, n - 4);
}
inline Vec splat(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
inline Vec fma(Vec x, Vec y, Vec z) { return {vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)}; }
// acc += x*y: FMLA is destructive, so the accumulator keeps its register anyway.
inline void accumulate(Vec& acc, Vec x, Vec y) { acc = fma(x, y, acc); }
inline Vec add(Vec x, Vec y) { return {vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)}; }
inline Vec sub(Vec x, Vec y) { return {vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)}; }
inline Vec mul(Vec x, Vec y) { return {vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)}; }
inline Vec div(Vec x, Vec y) { return {vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)}; }
// By comparison, not FMAX: the second operand wins on NaN and on equal zeros, as on x86.
inline Vec max(Vec x, Vec y) {
  return {vbslq_f32(vcgtq_f32(x.a, y.a), x.a, y.a), vbslq_f32(vcgtq_f32(x.b, y.b), x.b, y.b)};
}
inline Vec min(Vec x, Vec y) {
  return {vbslq_f32(vcltq_f32(x.a, y.a), x.a, y.a), vbslq_f32(vcltq_f32(x.b, y.b), x.b, y.b)};
}
inline Vec abs(Vec x) { return {vabsq_f32(x.a), vabsq_f32(x.b)}; }
inline Vec neg(Vec x) { return {vnegq_f32(x.a), vnegq_f32(x.b)}; }
inline Vec sqrt(Vec x) { return {vsqrtq_f32(x.a), vsqrtq_f32(x.b)}; }
inline Vec round(Vec x) { return {vrndnq_f32(x.a), vrndnq_f32(x.b)}; }
inline Vec floor(Vec x) { return {vrndmq_f32(x.a), vrndmq_f32(x.b)}; }
inline Vec ceil(Vec x) { return {vrndpq_f32(x.a), vrndpq_f32(x.b)}; }
inline Mask less(Vec x, Vec y) { return {vcltq_f32(x.a, y.a), vcltq_f32(x.b, y.b)}; }
inline Mask is_nan(Vec x) { return {vmvnq_u32(vceqq_f32(x.a, x.a)), vmvnq_u32(vceqq_f32(x.b, x.b))}; }
inline Vec select(Mask m, Vec x, Vec y) { return {vbslq_f32(m.a, x.a, y.a), vbslq_f32(m.b, x.b, y.b)}; }
inline float32x4_t pow2_part(float32x4_t n) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23));
}
// a * 2^n for integral n with |n| <= 252, rounded once
inline float32x4_t ldexp_part(float32x4_t x, float32x4_t n) {
  const int32x4_t whole = vcvtnq_s32_f32(n), bias = vdupq_n_s32(127), half = vshrq_n_s32(whole, 1);
  const float32x4_t low = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
  const float32x4_t high = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vsubq_s32(whole, half), bias), 23));
  return vmulq_f32(vmulq_f32(x, low), high);
}
inline Vec ldexp(Vec x, Vec n) { return {ldexp_part(x.a, n.a), ldexp_part(x.b, n.b)}; }
template <int n>
inline Vec shift_bits(Vec x) {
  return {vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x.a), n)),
          vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x.b), n))};
}
inline float32x4_t add_bits_part(float32x4_t x, float32x4_t y) {
  return vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y)));
}
inline Vec add_bits(Vec x, Vec y) { return {add_bits_part(x.a, y.a), add_bits_part(x.b, y.b)}; }
inline float32x4_t exponent_part(float32x4_t x, float32x4_t* exponent) {
  const uint32x4_t bits = vreinterpretq_u32_f32(x);
  const int32x4_t e = vreinterpretq_s32_u32(vandq_u32(vshrq_n_u32(bits, 23), vdupq_n_u32(0xff)));
  *exponent = vcvtq_f32_s32(vsubq_s32(e, vdupq_n_s32(126)));
  return vreinterpretq_f32_u32(vorrq_u32(vandq_u32(bits, vdupq_n_u32(0x007fffff)), vdupq_n_u32(0x3f000000)));
}
inline Vec split_exponent(Vec x, Vec* exponent) {
  return {exponent_part(x.a, &exponent->a), exponent_part(x.b, &exponent->b)};
}
inline Index load_index(const int32_t* p) {
  Index r;
  for (int i = 0; i < kLanes; ++i) r.i[i] = p[i];
  return r;
}
// Lane index -> the four bytes of that float: 4*i + {0, 1, 2, 3}.
inline uint8x16_t bytes_of(uint32x4_t lane) {
  return vreinterpretq_u8_u32(vmlaq_n_u32(vdupq_n_u32(0x03020100u), lane, 0x04040404u));
}
inline uint8x16_t byte_index(const int32_t* p) { return bytes_of(vreinterpretq_u32_s32(vld1q_s32(p))); }
inline Vec permute(Vec x, Index index) {
  const uint8x16x2_t table = {{vreinterpretq_u8_f32(x.a), vreinterpretq_u8_f32(x.b)}};
  return {vreinterpretq_f32_u8(vqtbl2q_u8(table, byte_index(index.i))),
          vreinterpretq_f32_u8(vqtbl2q_u8(table, byte_index(index.i + 4)))};
}
inline Vec permute2(Vec x, Vec y, Index index) {
  const uint8x16x4_t table = {
      {vreinterpretq_u8_f32(x.a), vreinterpretq_u8_f32(x.b), vreinterpretq_u8_f32(y.a), vreinterpretq_u8_f32(y.b)}};
  return {vreinterpretq_f32_u8(vqtbl4q_u8(table, byte_index(index.i))),
          vreinterpretq_f32_u8(vqtbl4q_u8(table, byte_index(index.i + 4)))};
}
inline float32x4_t lookup_part(uint8x16x2_t table, float32x4_t x) {
  return vreinterpretq_f32_u8(vqtbl2q_u8(table, bytes_of(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(7)))));
}
inline Vec lookup(const float (&table)[8], Vec x) {
  const uint8x16x2_t bytes = {{vreinterpretq_u8_f32(vld1q_f32(table)), vreinterpretq_u8_f32(vld1q_f32(table + 4))}};
  return {lookup_part(bytes, x.a), lookup_part(bytes, x.b)};
}
inline float sum(Vec x) {
  const float32x4_t q = vaddq_f32(x.a, x.b);
  const float32x2_t d = vadd_f32(vget_low_f32(q), vget_high_f32(q));
  return vget_lane_f32(d, 0) + vget_lane_f32(d, 1);
}
// FMAXV returns NaN if any lane is NaN.
inline float max_of(Vec x) { return vmaxvq_f32(vmaxq_f32(x.a, x.b)); }
inline void transpose_quad(float32x4_t& p, float32x4_t& q, float32x4_t& r, float32x4_t& s) {
  const float32x4_t t0 = vtrn1q_f32(p, q), t1 = vtrn2q_f32(p, q), t2 = vtrn1q_f32(r, s), t3 = vtrn2q_f32(r, s);
  p = vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(t0), vreinterpretq_f64_f32(t2)));
  q = vreinterpretq_f32_f64(vtrn1q_f64(vreinterpretq_f64_f32(t1), vreinterpretq_f64_f32(t3)));
  r = vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(t0), vreinterpretq_f64_f32(t2)));
  s = vreinterpretq_f32_f64(vtrn2q_f64(vreinterpretq_f64_f32(t1), vreinterpretq_f64_f32(t3)));
}
inline void transpose_tile(Vec (&r)[kLanes]) {
  transpose_quad(r[0].a, r[1].a, r[2].a, r[3].a);
  transpose_quad(r[0].b, r[1].b, r[2].b, r[3].b);
  transpose_quad(r[4].a, r[5].a, r[6].a, r[7].a);
  transpose_quad(r[4].b, r[5].b, r[6].b, r[7].b);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const float32x4_t t = r[i].b;
    r[i].b = r[i + 4].a;
    r[i + 4].a = t;
  }
}
inline void prefetch_far(const float* p) { __builtin_prefetch(p, 0, 2); }
inline void prefetch(const float* p) { __builtin_prefetch(p); }

}  // namespace
