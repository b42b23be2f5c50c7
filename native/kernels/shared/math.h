// exp, log, tanh, erf and their kin over one vector. Errors are the largest seen in the sweep of
// test/native/rows_elementwise_test.cc (ulp of the result, normal results; the portable vector, whose fma rounds twice,
// included):
//
//   exp 1.0   log 1.0   expm1 1.0   tanh 1.5   erf 1.3   sigmoid 2.0   softplus 1.8   pow 0.51
//
// NaN gives NaN; infinities and zeros give the limits. Denormal results may be flushed by the caller's mode.
// The vector's header comes first.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace {

constexpr float kInfinity = __builtin_inff();
constexpr float kLargest = 3.40282347e+38f;
constexpr float kSmallestNormal = 1.17549435e-38f;

// exp(r) - 1 = r + r^2 * q(r), |r| <= ln(2)/2
inline Vec exp_residue(Vec r) {
  Vec q = splat(1.9875691500e-4f);
  q = fma(q, r, splat(1.3981999507e-3f));
  q = fma(q, r, splat(8.3334519073e-3f));
  q = fma(q, r, splat(4.1665795894e-2f));
  q = fma(q, r, splat(1.6666665459e-1f));
  q = fma(q, r, splat(5.0000001201e-1f));
  return fma(mul(r, r), q, r);
}

// x = n*ln(2) + r. The high part of ln(2) has 9 bits, so n*high is exact without a fused multiply-add too.
inline Vec reduce_ln2(Vec x, Vec* n) {
  *n = round(mul(x, splat(1.44269504f)));
  const Vec r = fma(*n, splat(-0.693359375f), x);
  return fma(*n, splat(2.12194440e-4f), r);
}

inline Vec exp(Vec x) {
  // Beyond the bounds the result is infinite or below half of the smallest denormal.
  x = min(splat(89.f), max(splat(-104.f), x));
  Vec n;
  const Vec r = reduce_ln2(x, &n);
  return ldexp(add(exp_residue(r), splat(1.f)), n);
}

// exp(x) - 1 for x <= 0 (larger x count as 0), without cancellation near zero.
inline Vec expm1_negative(Vec x) {
  x = min(splat(0.f), max(splat(-25.f), x));
  Vec n;
  const Vec r = reduce_ln2(x, &n);
  const Vec s = ldexp(splat(1.f), n);
  return fma(s, exp_residue(r), sub(s, splat(1.f)));
}

inline Vec log(Vec x) {
  const Mask tiny = less(x, splat(kSmallestNormal));  // also zero and negative numbers
  const Vec scaled = select(tiny, mul(x, splat(16777216.f)), x);
  Vec e;
  Vec m = split_exponent(scaled, &e);
  e = sub(e, select(tiny, splat(24.f), splat(0.f)));
  const Mask low = less(m, splat(0.707106781f));
  e = sub(e, select(low, splat(1.f), splat(0.f)));
  m = sub(select(low, add(m, m), m), splat(1.f));  // 1 + m in [sqrt(1/2), sqrt(2))
  Vec p = splat(7.0376836292e-2f);
  p = fma(p, m, splat(-1.1514610310e-1f));
  p = fma(p, m, splat(1.1676998740e-1f));
  p = fma(p, m, splat(-1.2420140846e-1f));
  p = fma(p, m, splat(1.4249322787e-1f));
  p = fma(p, m, splat(-1.6668057665e-1f));
  p = fma(p, m, splat(2.0000714765e-1f));
  p = fma(p, m, splat(-2.4999993993e-1f));
  p = fma(p, m, splat(3.3333331174e-1f));
  const Vec z = mul(m, m);
  Vec y = mul(mul(p, m), z);
  y = fma(e, splat(-2.12194440e-4f), y);
  y = fma(splat(-0.5f), z, y);
  y = fma(e, splat(0.693359375f), add(m, y));
  y = select(less(scaled, splat(kInfinity)), y, scaled);  // inf and NaN
  y = select(less(scaled, splat(kSmallestNormal)), splat(-kInfinity), y);
  return select(less(x, splat(0.f)), splat(__builtin_nanf("")), y);
}

inline Vec negate_where_negative(Vec x, Vec magnitude) {
  return select(less(x, splat(0.f)), neg(magnitude), magnitude);
}

inline Vec tanh(Vec x) {
  const Vec a = min(splat(10.f), abs(x));
  // |x| < 0.625: odd polynomial
  const Vec z = mul(x, x);
  Vec p = splat(-5.70498872745e-3f);
  p = fma(p, z, splat(2.06390887954e-2f));
  p = fma(p, z, splat(-5.37397155531e-2f));
  p = fma(p, z, splat(1.33314422036e-1f));
  p = fma(p, z, splat(-3.33332819422e-1f));
  const Vec inner = fma(mul(p, z), x, x);
  // otherwise 1 - 2 / (exp(2|x|) + 1)
  const Vec outer = sub(splat(1.f), div(splat(2.f), add(exp(add(a, a)), splat(1.f))));
  return select(less(a, splat(0.625f)), inner, negate_where_negative(x, outer));
}

inline Vec erf(Vec x) {
  const Vec a = min(splat(4.f), abs(x));
  const Vec z = mul(a, a);
  // |x| < 0.921875: odd polynomial
  Vec p = splat(-5.96761703e-4f);
  p = fma(p, z, splat(4.99119423e-3f));
  p = fma(p, z, splat(-2.67681349e-2f));
  p = fma(p, z, splat(1.12819925e-1f));
  p = fma(p, z, splat(-3.76125336e-1f));
  p = fma(p, z, splat(1.28379166e-1f));
  const Vec inner = fma(p, x, x);
  // otherwise 1 - exp(q(|x|))
  Vec q = fma(splat(-1.72853470e-5f), a, splat(3.83197126e-4f));
  const Vec u = fma(splat(-3.88396438e-3f), a, splat(2.42546219e-2f));
  q = fma(q, z, u);
  q = fma(q, a, splat(-1.06777877e-1f));
  q = fma(q, a, splat(-6.34846687e-1f));
  q = fma(q, a, splat(-1.28717512e-1f));
  q = fma(q, a, neg(a));
  const Vec outer = sub(splat(1.f), exp(q));
  return select(less(a, splat(0.921875f)), inner, negate_where_negative(x, outer));
}

// exp(-x) = head * (1 + r*q). What is added to it can join before the last rounding.
struct MinusExp {
  Vec head, r, q;
};

// log((1 + j/8) / 2^(j/8))
alignas(32) constexpr float kHeadResidue[8] = {
    0.f,           3.11396381e-2f, 4.98567562e-2f, 5.85235384e-2f, 5.88915178e-2f, 5.22908279e-2f, 3.97554025e-2f,
    2.21048764e-2f};

// For x up to 88.08 that above_overflow let through; from 87.3 on, where the result is below the normal numbers, it
// goes to zero. The sum with 1.5 * 2^20 + 127 ends in the bits of j and, above them, of k + 127, for n = k + j/8 near
// -x/ln(2): a shift makes them head = 2^k * (1 + j/8), and what j*ln(2)/8 lacks of its logarithm comes from a table.
// Eight heads to a power of two spare the polynomial two terms, and four bits are so few that the head's sum with 1
// stays exact, as it would not with a table of exponentials. The factor is a little below 1/ln(2): n is 128, where the
// head is infinite, only for an x whose exponential is too large for a float and r*q positive.
// The coefficients are minimax ones, nudged until sigmoid and silu kept their bound for every float.
inline MinusExp minus_exp(Vec x) {
  const Vec shift = splat(1572991.f);
  const Vec bits = fma(x, splat(-1.4419f), shift);
  const Vec n = sub(shift, bits);  // -(k + j/8)
  const Vec low = fma(n, splat(2.12194440e-4f), lookup(kHeadResidue, bits));
  const Vec r = add(fma(n, splat(-0.693359375f), x), low);
  Vec q = splat(4.13647518e-2f);
  q = fma(q, r, splat(-1.66748479e-1f));
  q = fma(q, r, splat(5.00001788e-1f));
  q = fma(q, r, splat(-9.99999881e-1f));
  return {shift_bits<20>(bits), r, q};
}

// x, or a number whose exponential overflows as that of any smaller x does.
inline Vec above_overflow(Vec x) { return max(splat(-88.74f), x); }

// 1 + exp(-x). The larger of head and 1 comes last where x is negative, the side on which the relative error of the
// whole counts.
inline Vec one_plus_minus_exp(Vec x) {
  const MinusExp e = minus_exp(min(splat(64.f), x));
  return add(e.head, fma(mul(e.head, e.r), e.q, splat(1.f)));
}

inline Vec sigmoid(Vec x) { return div(splat(1.f), one_plus_minus_exp(above_overflow(x))); }

// log(1 + exp x) = max(x, 0) + log(1 + u), u = exp(-|x|). For u above 1/2, log(1 + u) = log(2) + log(1 + (u - 1)/2):
// one polynomial for [-1/4, 1/2], and log(2) joins last.
inline Vec softplus(Vec x) {
  const MinusExp e = minus_exp(min(splat(88.08f), abs(x)));  // n = -127 makes the head zero
  const Vec u = fma(mul(e.head, e.r), e.q, e.head);
  const Mask large = less(splat(0.5f), u);
  const Vec v = select(large, fma(splat(0.5f), u, splat(-0.5f)), u);
  Vec p = splat(-4.23867479e-2f);
  p = fma(p, v, splat(1.01646438e-1f));
  p = fma(p, v, splat(-1.31053939e-1f));
  p = fma(p, v, splat(1.45158648e-1f));
  p = fma(p, v, splat(-1.66588828e-1f));
  p = fma(p, v, splat(1.99894458e-1f));
  p = fma(p, v, splat(-2.49995455e-1f));
  p = fma(p, v, splat(3.33334655e-1f));
  p = fma(p, v, splat(-5.0000006e-1f));
  const Vec positive = add(fma(mul(v, v), p, v), max(splat(0.f), x));
  return add(positive, select(large, splat(0.693147181f), splat(0.f)));
}

// pow goes through double, one element at a time: x^2, sqrt and the like are caught before, and a double-float
// logarithm would cost more code than the rest of this file.
inline double from_bits(uint64_t bits) {
  double d;
  memcpy(&d, &bits, 8);
  return d;
}

// log2 of a positive finite number, absolute error below 1e-12 + 1e-14*|log2 a|
inline double log2_positive(double a) {
  uint64_t bits;
  memcpy(&bits, &a, 8);
  int32_t e = static_cast<int32_t>(bits >> 52) - 1023;
  double m = from_bits((bits & 0x000fffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++e;
  }
  const double s = (m - 1) / (m + 1), z = s * s;  // |s| < 0.1716, z < 0.0295
  double p = 1. / 17;
  p = p * z + 1. / 15;
  p = p * z + 1. / 13;
  p = p * z + 1. / 11;
  p = p * z + 1. / 9;
  p = p * z + 1. / 7;
  p = p * z + 1. / 5;
  p = p * z + 1. / 3;
  return e + (s + s * z * p) * 2.8853900817779268;  // 2 / ln 2
}

// 2^t for |t| <= 300
inline double exp2_bounded(double t) {
  const double magic = 6755399441055744.;  // 1.5 * 2^52: the sum holds round(t) in its low bits
  const double shifted = t + magic;
  const double n = shifted - magic;
  const double r = (t - n) * 0.69314718055994531;  // |r| <= 0.3466
  double p = 1. / 3628800;
  p = p * r + 1. / 362880;
  p = p * r + 1. / 40320;
  p = p * r + 1. / 5040;
  p = p * r + 1. / 720;
  p = p * r + 1. / 120;
  p = p * r + 1. / 24;
  p = p * r + 1. / 6;
  p = p * r + 0.5;
  p = p * r + 1;
  p = p * r + 1;
  return p * from_bits(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

inline float pow1(float a, float b) {
  if (b == 0 || a == 1) return 1;
  if (a != a || b != b) return a + b;
  const float size = __builtin_fabsf(a), exponent = __builtin_fabsf(b);
  const bool integral = exponent >= 8388608.f || exponent == static_cast<float>(static_cast<int32_t>(exponent));
  const bool odd = integral && exponent < 16777216.f && (static_cast<int32_t>(exponent) & 1) != 0;
  const bool negative = __builtin_signbit(a);
  const float sign = negative && odd ? -1.f : 1.f;
  if (size == 0) return b < 0 ? sign * kInfinity : sign * 0.f;
  if (exponent == kInfinity) {
    if (size == 1) return 1;
    return (size > 1) == (b > 0) ? kInfinity : 0.f;
  }
  if (size == kInfinity) return b < 0 ? sign * 0.f : sign * kInfinity;
  if (negative && !integral) return __builtin_nanf("");
  double t = static_cast<double>(b) * log2_positive(size);
  t = t > 300 ? 300 : t < -300 ? -300 : t;
  return sign * static_cast<float>(exp2_bounded(t));
}

inline Vec pow(Vec a, Vec b) {
  float base[kLanes], exponent[kLanes];
  store(base, a);
  store(exponent, b);
  for (int i = 0; i < kLanes; ++i) base[i] = pow1(base[i], exponent[i]);
  return load(base);
}

}  // namespace
