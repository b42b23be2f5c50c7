// Unary, binary and scale rows.
//
//   y[i] = f(x[i])    y[i] = f(a[i], b[i])    y[i] = clip(x[i]*s + t)
//
// Four vectors an iteration for what one or two instructions do, one for the rest: there the out-of-order core overlaps
// the iterations and four copies of an exponential would spill. The tail is one masked vector.
#pragma once
#include "kernels/shared/activation.h"
#include "kernels/table.h"

namespace {

using lanewise::Binary;
using lanewise::KernelTable;
using lanewise::Spread;
using lanewise::Unary;

constexpr bool is_cheap(Unary fn) {
  switch (fn) {
    case Unary::kSigmoid:
    case Unary::kSilu:
    case Unary::kTanh:
    case Unary::kGelu:
    case Unary::kGeluTanh:
    case Unary::kExp:
    case Unary::kLog:
    case Unary::kErf:
    case Unary::kSoftplus:
    case Unary::kElu:
    case Unary::kMish:
    case Unary::kSelu: return false;
    default: return true;
  }
}

// x * tanh(softplus x) = x * m / (m + 2) with e = exp x, m = e*(e + 2); beyond x = 20 the factor is 1. Error: 4.5 ulp,
// for half a dozen roundings in a row; polynomials in three ranges would halve it and double the cost. As with silu,
// the smallest results may be flushed.
inline Vec mish(Vec x) {
  const Vec e = exp(min(splat(20.f), x));
  const Vec m = mul(e, add(e, splat(2.f)));
  return mul(above_minus_infinity(x), div(m, add(m, splat(2.f))));
}

inline Vec elu(Vec x, Vec alpha) { return select(less(splat(0.f), x), x, mul(alpha, expm1_negative(x))); }
// beta * elu(x): `rest` is what rounding took from the product alpha*beta.
inline Vec selu(Vec x, Vec alpha, Vec beta, Vec rest) {
  const Vec e = expm1_negative(x);
  return select(less(splat(0.f), x), mul(beta, x), fma(mul(alpha, beta), e, mul(rest, e)));
}

// NaN passes, as in a clamp.
inline Vec thresholded_relu(Vec x, Vec alpha) { return select(less(alpha, x), x, select(is_nan(x), x, splat(0.f))); }
inline Vec shrink(Vec x, Vec limit, Vec bias) {
  const Vec inside = select(is_nan(x), x, splat(0.f));
  return select(less(x, neg(limit)), add(x, bias), select(less(limit, x), sub(x, bias), inside));
}

inline Vec sign(Vec x) {
  const Vec zero = splat(0.f);
  return select(less(zero, x), splat(1.f), select(less(x, zero), splat(-1.f), x));
}

template <Unary fn>
inline Vec apply_unary(Vec x, Vec alpha, Vec beta, Vec rest) {
  if constexpr (fn == Unary::kIdentity) return x;
  if constexpr (fn == Unary::kRelu) return relu(x);
  if constexpr (fn == Unary::kClip) return clip(x, alpha, beta);
  if constexpr (fn == Unary::kLeakyRelu) return leaky(x, alpha);
  if constexpr (fn == Unary::kHardSigmoid) return hard_sigmoid(x, alpha, beta);
  if constexpr (fn == Unary::kHardSwish) return hard_swish(x, alpha, beta);
  if constexpr (fn == Unary::kSigmoid) return sigmoid(x);
  if constexpr (fn == Unary::kSilu) return silu(x);
  if constexpr (fn == Unary::kTanh) return tanh(x);
  if constexpr (fn == Unary::kGelu) return gelu(x);
  if constexpr (fn == Unary::kGeluTanh) return gelu_tanh(x);
  if constexpr (fn == Unary::kAbs) return abs(x);
  if constexpr (fn == Unary::kNeg) return neg(x);
  if constexpr (fn == Unary::kExp) return exp(x);
  if constexpr (fn == Unary::kLog) return log(x);
  if constexpr (fn == Unary::kSqrt) return sqrt(x);
  if constexpr (fn == Unary::kReciprocal) return div(splat(1.f), x);
  if constexpr (fn == Unary::kFloor) return floor(x);
  if constexpr (fn == Unary::kCeil) return ceil(x);
  if constexpr (fn == Unary::kRound) return round(x);
  if constexpr (fn == Unary::kSign) return sign(x);
  if constexpr (fn == Unary::kErf) return erf(x);
  if constexpr (fn == Unary::kSoftplus) return softplus(x);
  if constexpr (fn == Unary::kElu) return elu(x, alpha);
  if constexpr (fn == Unary::kMish) return mish(x);
  if constexpr (fn == Unary::kSelu) return selu(x, alpha, beta, rest);
  if constexpr (fn == Unary::kThresholdedRelu) return thresholded_relu(x, alpha);
  if constexpr (fn == Unary::kSoftsign) return div(x, add(splat(1.f), abs(x)));
  if constexpr (fn == Unary::kShrink) return shrink(x, alpha, beta);
}

// What rounding takes from a*b.
inline float product_rest(float a, float b) {
  const double product = static_cast<double>(a) * static_cast<double>(b);
  const float rounded = static_cast<float>(product);
  return rounded - rounded == 0 ? static_cast<float>(product - static_cast<double>(rounded)) : 0;
}

template <Unary fn>
void unary_row(const float* x, float* y, size_t n, float alpha, float beta) {
  const Vec a = splat(alpha), b = splat(beta), rest = splat(product_rest(alpha, beta));
  size_t i = 0;
  if constexpr (is_cheap(fn)) {
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      const Vec v0 = load(x + i), v1 = load(x + i + kLanes), v2 = load(x + i + 2 * kLanes),
                v3 = load(x + i + 3 * kLanes);
      store(y + i, apply_unary<fn>(v0, a, b, rest));
      store(y + i + kLanes, apply_unary<fn>(v1, a, b, rest));
      store(y + i + 2 * kLanes, apply_unary<fn>(v2, a, b, rest));
      store(y + i + 3 * kLanes, apply_unary<fn>(v3, a, b, rest));
    }
  }
  for (; i + kLanes <= n; i += kLanes) store(y + i, apply_unary<fn>(load(x + i), a, b, rest));
  if (i < n) store_tail(y + i, apply_unary<fn>(load_tail(x + i, n - i), a, b, rest), n - i);
}

template <Binary fn>
inline Vec apply_binary(Vec a, Vec b) {
  if constexpr (fn == Binary::kAdd) return add(a, b);
  if constexpr (fn == Binary::kSub) return sub(a, b);
  if constexpr (fn == Binary::kMul) return mul(a, b);
  if constexpr (fn == Binary::kDiv) return div(a, b);
  // max and min give b when either is NaN, so only a NaN in a is lost.
  if constexpr (fn == Binary::kMin) return select(is_nan(a), a, min(a, b));
  if constexpr (fn == Binary::kMax) return select(is_nan(a), a, max(a, b));
  if constexpr (fn == Binary::kPow) return pow(a, b);
  if constexpr (fn == Binary::kPrelu) return leaky(a, b);
}

// How an operand of a row is read: element by element, one element, or one vector.
enum class Operand { kElements, kScalar, kVector };
template <Operand kind>
inline Vec operand(const float* p, size_t i, Vec repeated) {
  if constexpr (kind == Operand::kElements) return load(p + i);
  return repeated;
}
template <Operand kind>
inline Vec operand_tail(const float* p, size_t i, size_t n, Vec repeated) {
  if constexpr (kind == Operand::kElements) return load_tail(p + i, n - i);
  return repeated;
}
template <Operand kind>
inline Vec repeated_operand(const float* p) {
  if constexpr (kind == Operand::kScalar) return splat(*p);
  if constexpr (kind == Operand::kVector) return load(p);
  return splat(0.f);
}

// The powers that networks use, without logarithms. sqrt(-0) and sqrt(-inf) are not pow's.
inline bool simple_power(const float* a, float exponent, float* y, size_t n) {
  if (exponent != 2.f && exponent != 3.f && exponent != 0.5f) return false;
  for (size_t i = 0; i < n; i += kLanes) {
    const size_t left = n - i;
    const Vec x = load_tail(a + i, left);
    const Vec square = mul(x, x);
    Vec r = exponent == 2.f ? square : mul(square, x);
    if (exponent == 0.5f) r = select(less(x, splat(-kLargest)), splat(kInfinity), sqrt(add(x, splat(0.f))));
    store_tail(y + i, r, left);
  }
  return true;
}

template <Binary fn, Spread spread>
void binary_row(const float* a, const float* b, float* y, size_t n) {
  constexpr Operand ka = spread == Spread::kScalarA  ? Operand::kScalar
                         : spread == Spread::kLanesA ? Operand::kVector
                                                     : Operand::kElements;
  constexpr Operand kb = spread == Spread::kScalarB  ? Operand::kScalar
                         : spread == Spread::kLanesB ? Operand::kVector
                                                     : Operand::kElements;
  if (n == 0) return;
  if constexpr (fn == Binary::kPow && spread == Spread::kScalarB) {
    if (simple_power(a, *b, y, n)) return;
  }
  const Vec ra = repeated_operand<ka>(a), rb = repeated_operand<kb>(b);
  size_t i = 0;
  if constexpr (fn != Binary::kPow) {
    for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
      Vec r[4];
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) {
        const size_t at = i + static_cast<size_t>(u * kLanes);
        r[u] = apply_binary<fn>(operand<ka>(a, at, ra), operand<kb>(b, at, rb));
      }
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) store(y + i + u * kLanes, r[u]);
    }
  }
  for (; i + kLanes <= n; i += kLanes) store(y + i, apply_binary<fn>(operand<ka>(a, i, ra), operand<kb>(b, i, rb)));
  if (i < n) store_tail(y + i, apply_binary<fn>(operand_tail<ka>(a, i, n, ra), operand_tail<kb>(b, i, n, rb)), n - i);
}

template <Operand kind>
void scale_row(const float* x, const float* scale, const float* shift, float* y, size_t n, float lo, float hi) {
  const Vec s = repeated_operand<kind>(scale), t = repeated_operand<kind>(shift);
  const Vec low = splat(lo), high = splat(hi);
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
    Vec r[4];
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) r[u] = clip(fma(load(x + i + u * kLanes), s, t), low, high);
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) store(y + i + u * kLanes, r[u]);
  }
  for (; i + kLanes <= n; i += kLanes) store(y + i, clip(fma(load(x + i), s, t), low, high));
  if (i < n) store_tail(y + i, clip(fma(load_tail(x + i, n - i), s, t), low, high), n - i);
}

template <int fn>
void fill_unary(KernelTable* table) {
  if constexpr (fn < static_cast<int>(Unary::kCount)) {
    table->unary[fn] = unary_row<static_cast<Unary>(fn)>;
    fill_unary<fn + 1>(table);
  }
}

template <int index>
void fill_binary(KernelTable* table) {
  if constexpr (index < lanewise::kBinaryRows) {
    constexpr int spreads = static_cast<int>(Spread::kCount);
    table->binary[index] = binary_row<static_cast<Binary>(index / spreads), static_cast<Spread>(index % spreads)>;
    fill_binary<index + 1>(table);
  }
}

inline void fill_elementwise(KernelTable* table) {
  fill_unary<0>(table);
  fill_binary<0>(table);
  table->scale_row = scale_row<Operand::kScalar>;
  table->scale_lanes = scale_row<Operand::kVector>;
}

}  // namespace
