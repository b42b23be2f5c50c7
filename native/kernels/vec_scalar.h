// The portable vector: eight floats in an array and loops a compiler may or may not vectorise. It runs everywhere, has
// the same interface as the intrinsic vectors, and is the yardstick the others are compared with. Multiply-add rounds
// twice: a baseline x86-64 has no fused instruction and a library call per element would be absurd.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace {

constexpr int kLanes = 8;

struct Vec {
  float v[kLanes];
};
struct Mask {
  bool m[kLanes];
};
struct Index {
  int32_t i[kLanes];
};

#define LANEWISE_EACH(expression)                       \
  Vec r;                                                \
  for (int i = 0; i < kLanes; ++i) r.v[i] = expression; \
  return r
#define LANEWISE_EACH_MASK(expression)                  \
  Mask r;                                               \
  for (int i = 0; i < kLanes; ++i) r.m[i] = expression; \
  return r

inline Vec load(const float* p) { LANEWISE_EACH(p[i]); }
inline void store(float* p, Vec a) {
  for (int i = 0; i < kLanes; ++i) p[i] = a.v[i];
}
inline Vec load_tail(const float* p, size_t n) { LANEWISE_EACH(static_cast<size_t>(i) < n ? p[i] : 0.f); }
inline void store_tail(float* p, Vec a, size_t n) {
  for (size_t i = 0; i < n && i < kLanes; ++i) p[i] = a.v[i];
}
inline Vec splat(float a) { LANEWISE_EACH(a); }
inline Vec fma(Vec a, Vec b, Vec c) { LANEWISE_EACH(a.v[i] * b.v[i] + c.v[i]); }
inline void accumulate(Vec& acc, Vec a, Vec b) { acc = fma(a, b, acc); }
inline Vec add(Vec a, Vec b) { LANEWISE_EACH(a.v[i] + b.v[i]); }
inline Vec sub(Vec a, Vec b) { LANEWISE_EACH(a.v[i] - b.v[i]); }
inline Vec mul(Vec a, Vec b) { LANEWISE_EACH(a.v[i] * b.v[i]); }
inline Vec div(Vec a, Vec b) { LANEWISE_EACH(a.v[i] / b.v[i]); }
inline Vec max(Vec a, Vec b) { LANEWISE_EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
inline Vec min(Vec a, Vec b) { LANEWISE_EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
inline Vec abs(Vec a) { LANEWISE_EACH(__builtin_fabsf(a.v[i])); }
inline Vec neg(Vec a) { LANEWISE_EACH(-a.v[i]); }
inline Vec sqrt(Vec a) { LANEWISE_EACH(__builtin_sqrtf(a.v[i])); }
// Rounding by adding and taking away 2^23, where floats have no fraction left; to nearest even.
inline float round_even(float x) {
  const float magic = 8388608.f, size = __builtin_fabsf(x);
  if (!(size < magic)) return x;
  return __builtin_copysignf((size + magic) - magic, x);
}
inline Vec round(Vec a) { LANEWISE_EACH(round_even(a.v[i])); }
inline float floor1(float x) {
  const float r = round_even(x);
  return r > x ? r - 1.f : r;
}
inline Vec floor(Vec a) { LANEWISE_EACH(floor1(a.v[i])); }
inline Vec ceil(Vec a) { LANEWISE_EACH(-floor1(-a.v[i])); }
inline Mask less(Vec a, Vec b) { LANEWISE_EACH_MASK(a.v[i] < b.v[i]); }
inline Mask is_nan(Vec a) { LANEWISE_EACH_MASK(a.v[i] != a.v[i]); }
inline Vec select(Mask m, Vec a, Vec b) { LANEWISE_EACH(m.m[i] ? a.v[i] : b.v[i]); }
// a * 2^n for integral n (held as float) with |n| <= 252: two exact-range factors, so that a result near either end of
// the range is rounded once and is neither lost nor infinite too early. n may be NaN where a is.
inline Vec ldexp(Vec a, Vec n) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    const int32_t whole = n.v[i] == n.v[i] ? static_cast<int32_t>(n.v[i]) : 0;
    const int32_t half = whole >> 1;
    const int32_t low = (half + 127) * (1 << 23), high = (whole - half + 127) * (1 << 23);
    float f, g;
    memcpy(&f, &low, 4);
    memcpy(&g, &high, 4);
    r.v[i] = a.v[i] * f * g;
  }
  return r;
}
// The pattern of a, n bits to the left
template <int n>
inline Vec shift_bits(Vec a) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    uint32_t bits;
    memcpy(&bits, &a.v[i], 4);
    bits <<= n;
    memcpy(&r.v[i], &bits, 4);
  }
  return r;
}
// The patterns of a and b, added as integers
inline Vec add_bits(Vec a, Vec b) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    uint32_t bits, more;
    memcpy(&bits, &a.v[i], 4);
    memcpy(&more, &b.v[i], 4);
    bits += more;
    memcpy(&r.v[i], &bits, 4);
  }
  return r;
}
// The entry that the lowest three bits of a's pattern name
inline Vec lookup(const float (&table)[8], Vec a) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    uint32_t bits;
    memcpy(&bits, &a.v[i], 4);
    r.v[i] = table[bits & 7];
  }
  return r;
}
// a = mantissa * 2^exponent with mantissa in [0.5, 1); for normal positive a
inline Vec split_exponent(Vec a, Vec* exponent) {
  Vec r;
  for (int i = 0; i < kLanes; ++i) {
    int32_t bits;
    memcpy(&bits, &a.v[i], 4);
    exponent->v[i] = static_cast<float>(((bits >> 23) & 0xff) - 126);
    bits = (bits & 0x007fffff) | 0x3f000000;
    memcpy(&r.v[i], &bits, 4);
  }
  return r;
}
inline Index load_index(const int32_t* p) {
  Index r;
  for (int i = 0; i < kLanes; ++i) r.i[i] = p[i];
  return r;
}
// r[i] = a[index[i]]
inline Vec permute(Vec a, Index index) { LANEWISE_EACH(a.v[index.i[i] & (kLanes - 1)]); }
// r[i] = (a then b)[index[i]], index in [0, 2*kLanes)
inline Vec permute2(Vec a, Vec b, Index index) {
  LANEWISE_EACH(index.i[i] < kLanes ? a.v[index.i[i]] : b.v[index.i[i] - kLanes]);
}
inline float sum(Vec a) { return ((a.v[0] + a.v[4]) + (a.v[2] + a.v[6])) + ((a.v[1] + a.v[5]) + (a.v[3] + a.v[7])); }
inline float max_of(Vec a) {
  float r = a.v[0];
  for (int i = 1; i < kLanes; ++i) r = (r > a.v[i] || r != r) ? r : a.v[i];
  return r;
}
inline void transpose_tile(Vec (&rows)[kLanes]) {
  for (int i = 0; i < kLanes; ++i)
    for (int j = 0; j < i; ++j) {
      const float t = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = t;
    }
}
inline void prefetch_far(const float*) {}
inline void prefetch(const float*) {}

#undef LANEWISE_EACH
#undef LANEWISE_EACH_MASK

}  // namespace
