// The activations over one vector. Each keeps NaN: clamps are min(hi, max(lo, x)) with x second.
// A product with a saturated factor keeps the limit (silu(-inf) = -0) by taking -inf as the largest negative number;
// hard_swish, the cheap one, does not and gives NaN there, as -inf * 0 does.
#pragma once
#include "kernels/contract.h"
#include "kernels/shared/math.h"

namespace {

using lanewise::Act;
using lanewise::kSiluFactor;

inline Vec relu(Vec x) { return max(splat(0.f), x); }
inline Vec clip(Vec x, Vec lo, Vec hi) { return min(hi, max(lo, x)); }
// x > 0 ? x : slope*x
inline Vec leaky(Vec x, Vec slope) { return select(less(splat(0.f), x), x, mul(slope, x)); }
inline Vec hard_sigmoid(Vec x, Vec a, Vec b) { return clip(fma(x, a, b), splat(0.f), splat(1.f)); }
inline Vec hard_swish(Vec x, Vec a, Vec b) { return mul(x, hard_sigmoid(x, a, b)); }

inline Vec above_minus_infinity(Vec x) { return max(splat(-kLargest), x); }
// Error: 2.0 ulp; results below 104 times the smallest normal number may be flushed, as the exponential's reciprocal
// is.
inline Vec silu(Vec x) {
  x = above_overflow(x);
  return div(x, one_plus_minus_exp(x));
}
// Error: 2 * 2^-24 * |x|; for x < 0 the result itself is much smaller than x.
inline Vec gelu(Vec x) {
  const Vec half = mul(splat(0.5f), above_minus_infinity(x));
  return fma(half, erf(mul(x, splat(0.707106781f))), half);
}
// x/2 * (1 + tanh u) = x * sigmoid(2u): one exponential, no cancellation. Error: 2.2 * 2^-24 * |x|.
inline Vec gelu_tanh(Vec x) {
  const Vec cubic = fma(mul(mul(x, x), splat(0.044715f)), x, x);
  const MinusExp e = minus_exp(min(splat(64.f), above_overflow(mul(cubic, splat(1.59576912f)))));
  // In the other order than one_plus_minus_exp's: here the error counts where the exponential is the smaller part.
  const Vec sum = fma(mul(e.head, e.r), e.q, add(e.head, splat(1.f)));
  return div(above_minus_infinity(x), sum);
}

// kSmallPowers[0] * 2^r for |r| <= 1/16: minimax coefficients, nudged like those of minus_exp. The first is such that
// the sum stays below 1, where it rounds half as much, and that all of kPowers are close to floats.
constexpr float kSmallPowers[4] = {0.947662294f, 0.656869531f, 0.22768639f, 0.052564837f};
// kSiluFactor * 2^(j/8) / kSmallPowers[0], and j*2^20 taken from its bits.
alignas(32) constexpr float kPowers[8] = {-1.52237248f, -1.53515899f, -1.56041622f, -1.59927285f,
                                          -1.57647991f, -1.54890966f, -1.53015757f, -1.52102172f};

// silu(x) from y = kSiluFactor*x: y / (kSiluFactor + kSiluFactor * 2^y). Nothing is lost by the reduction y = n + r, n
// in eighths, which three operations do: beside the division there are twelve in all, four of them multiply-adds, and
// silu has fifteen and eight. Error: 2.2 ulp, for positive x 1.8 (portable vector: 2.8 and 2.1); where x is below -88,
// the result is that of -88.
inline Vec scaled_silu(Vec y) {
  y = min(splat(127.f), y);
  const Vec bounded = max(splat(-126.f), y);
  // 1.5 * 2^20, beside which eighths are the last bit: the low bits are j and, above them, k of n = k + j/8.
  const Vec shift = splat(1572864.f);
  const Vec bits = add(bounded, shift);
  const Vec r = sub(bounded, sub(bits, shift));
  const Vec head = add_bits(lookup(kPowers, bits), shift_bits<20>(bits));
  Vec p = splat(kSmallPowers[3]);
  p = fma(p, r, splat(kSmallPowers[2]));
  p = fma(p, r, splat(kSmallPowers[1]));
  p = fma(p, r, splat(kSmallPowers[0]));
  return div(y, fma(head, p, splat(kSiluFactor)));
}

inline Vec activate(Act kind, Vec x, Vec alpha, Vec beta) {
  switch (kind) {
    case Act::kNone: return x;
    case Act::kRelu: return relu(x);
    case Act::kClip: return clip(x, alpha, beta);
    case Act::kLeakyRelu:
    case Act::kPrelu: return leaky(x, alpha);
    case Act::kHardSigmoid: return hard_sigmoid(x, alpha, beta);
    case Act::kHardSwish: return hard_swish(x, alpha, beta);
    case Act::kSigmoid: return sigmoid(x);
    case Act::kSilu: return silu(x);
    case Act::kTanh: return tanh(x);
    case Act::kGelu: return gelu(x);
    case Act::kGeluTanh: return gelu_tanh(x);
    case Act::kScaledSilu: return scaled_silu(x);
  }
  return x;
}

}  // namespace
