// Reductions over a row, over columns and over the pixels of a blocked plane, and what normalisation and softmax need.
//
// A float sum of n terms loses up to n/2 ulp, so partial sums are short: chunks of a row join in double, chunks of 64
// rows of columns in a second vector, the rows of a plane in a second vector. rows.h states the bounds.
#pragma once
#include "kernels/shared/math.h"
#include "kernels/table.h"

namespace {

using lanewise::Fold;
using lanewise::KernelTable;

template <Fold fn>
inline float fold_identity() {
  if constexpr (fn == Fold::kMax) return -kInfinity;
  if constexpr (fn == Fold::kMin) return kInfinity;
  if constexpr (fn == Fold::kProd) return 1.f;
  return 0.f;
}

template <Fold fn>
inline Vec fold_join(Vec acc, Vec x) {
  // max and min give the second operand when either is NaN: acc stays NaN by itself, x has to be asked.
  if constexpr (fn == Fold::kMax) return select(is_nan(x), x, max(x, acc));
  if constexpr (fn == Fold::kMin) return select(is_nan(x), x, min(x, acc));
  if constexpr (fn == Fold::kProd) return mul(acc, x);
  return add(acc, x);
}

template <Fold fn>
inline double fold_join(double acc, double x) {
  if constexpr (fn == Fold::kMax) return acc > x || acc != acc ? acc : x;
  if constexpr (fn == Fold::kMin) return acc < x || acc != acc ? acc : x;
  if constexpr (fn == Fold::kProd) return acc * x;
  return acc + x;
}

template <Fold fn>
inline Vec fold_step(Vec acc, Vec x, Vec center) {
  if constexpr (fn == Fold::kSumAbs) return add(acc, abs(x));
  if constexpr (fn == Fold::kSumSquares) {
    const Vec d = sub(x, center);
    return fma(d, d, acc);
  }
  if constexpr (fn == Fold::kSumExp) return add(acc, exp(sub(x, center)));
  return fold_join<fn>(acc, x);
}

template <Fold fn>
constexpr bool is_sum() {
  return fn != Fold::kMax && fn != Fold::kMin && fn != Fold::kProd;
}

// All lanes as one. Sums join in a tree, four roundings at most: adding lane after lane in double would cost more than
// the rest of a chunk (AVX-512, 4096 elements in L1: 74 against 220 GB/s).
template <Fold fn>
inline float fold_vector(Vec acc) {
  if constexpr (is_sum<fn>()) return sum(acc);
  if constexpr (fn == Fold::kMax) return max_of(acc);
  if constexpr (fn == Fold::kMin) return -max_of(neg(acc));
  float lane[kLanes], product = 1.f;
  store(lane, acc);
  for (int i = 0; i < kLanes; ++i) product *= lane[i];
  return product;
}

// The first n lanes joined to `total`.
template <Fold fn>
inline double fold_lanes(double total, Vec acc, size_t n) {
  float lane[kLanes];
  store(lane, acc);
  for (size_t i = 0; i < n; ++i) total = fold_join<fn>(total, static_cast<double>(lane[i]));
  return total;
}

template <Fold fn>
double fold_row(const float* x, size_t n, float center) {
  constexpr int kParts = fn == Fold::kSumExp ? 2 : 8;
  constexpr size_t kStep = kParts * kLanes;
  const Vec c = splat(center), identity = splat(fold_identity<fn>());
  double total = static_cast<double>(fold_identity<fn>());
  size_t i = 0;
  while (i + kStep <= n) {
    const size_t chunks = (n - i) / kStep;
    const size_t end = i + kStep * (chunks < lanewise::kFoldChunk ? chunks : lanewise::kFoldChunk);
    Vec acc[kParts];
#pragma GCC unroll 8
    for (int p = 0; p < kParts; ++p) acc[p] = identity;
    for (; i < end; i += kStep) {
#pragma GCC unroll 8
      for (int p = 0; p < kParts; ++p) acc[p] = fold_step<fn>(acc[p], load(x + i + p * kLanes), c);
    }
#pragma GCC unroll 4
    for (int half = kParts / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
      for (int p = 0; p < half; ++p) acc[p] = fold_join<fn>(acc[p], acc[p + half]);
    }
    total = fold_join<fn>(total, static_cast<double>(fold_vector<fn>(acc[0])));
  }
  Vec rest = identity;
  for (; i + kLanes <= n; i += kLanes) rest = fold_step<fn>(rest, load(x + i), c);
  total = fold_join<fn>(total, static_cast<double>(fold_vector<fn>(rest)));
  if (i < n) total = fold_lanes<fn>(total, fold_step<fn>(identity, load_tail(x + i, n - i), c), n - i);
  return total;
}

// V vectors of columns; the last of them may be a part (`tail` columns) when V is 1.
template <Fold fn, int V>
inline void fold_strip(const float* x, ptrdiff_t stride, size_t count, const float* center, float* y, size_t tail,
                       bool accumulate) {
  const bool whole = V > 1 || tail >= kLanes;
  Vec c[V], total[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    c[v] = center == nullptr ? splat(0.f) : whole ? load(center + v * kLanes) : load_tail(center, tail);
    total[v] = splat(fold_identity<fn>());
    if (accumulate) total[v] = whole ? load(y + v * kLanes) : load_tail(y, tail);
  }
  for (size_t row = 0; row < count;) {
    const size_t end = count - row > 64 ? row + 64 : count;
    Vec acc[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[v] = splat(fold_identity<fn>());
    for (; row < end; ++row) {
      const float* p = x + static_cast<ptrdiff_t>(row) * stride;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v)
        acc[v] = fold_step<fn>(acc[v], whole ? load(p + v * kLanes) : load_tail(p, tail), c[v]);
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) total[v] = fold_join<fn>(total[v], acc[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    if (whole)
      store(y + v * kLanes, total[v]);
    else
      store_tail(y, total[v], tail);
  }
}

template <Fold fn>
void fold_columns(const float* x, ptrdiff_t stride, size_t count, const float* center, float* y, size_t n,
                  bool accumulate) {
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes)
    fold_strip<fn, 4>(x + i, stride, count, center == nullptr ? nullptr : center + i, y + i, kLanes, accumulate);
  for (; i < n; i += kLanes)
    fold_strip<fn, 1>(x + i, stride, count, center == nullptr ? nullptr : center + i, y + i, n - i, accumulate);
}

template <Fold fn>
void fold_plane(const float* x, ptrdiff_t row_stride, size_t rows, size_t cols, const float* center, float* y) {
  const Vec c = center == nullptr ? splat(0.f) : load(center), identity = splat(fold_identity<fn>());
  Vec total = identity;
  for (size_t row = 0; row < rows; ++row) {
    const float* p = x + static_cast<ptrdiff_t>(row) * row_stride;
    Vec a0 = identity, a1 = identity, a2 = identity, a3 = identity;
    size_t col = 0;
    for (; col + 4 <= cols; col += 4, p += 4 * kLanes) {
      a0 = fold_step<fn>(a0, load(p), c);
      a1 = fold_step<fn>(a1, load(p + kLanes), c);
      a2 = fold_step<fn>(a2, load(p + 2 * kLanes), c);
      a3 = fold_step<fn>(a3, load(p + 3 * kLanes), c);
    }
    if (col < cols) a0 = fold_step<fn>(a0, load(p), c);
    if (col + 1 < cols) a1 = fold_step<fn>(a1, load(p + kLanes), c);
    if (col + 2 < cols) a2 = fold_step<fn>(a2, load(p + 2 * kLanes), c);
    total = fold_join<fn>(total, fold_join<fn>(fold_join<fn>(a0, a1), fold_join<fn>(a2, a3)));
  }
  store(y, total);
}

template <bool kAffine>
inline Vec normalize(Vec x, Vec mean, Vec rstd, Vec gamma, Vec beta) {
  const Vec unit = mul(sub(x, mean), rstd);
  return kAffine ? fma(unit, gamma, beta) : unit;
}

template <bool kAffine>
inline void normalize_row_as(const float* x, float* y, size_t n, float mean, float rstd, const float* gamma,
                             const float* beta) {
  const Vec m = splat(mean), s = splat(rstd), none = splat(0.f);
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      const size_t at = i + static_cast<size_t>(u * kLanes);
      store(y + at, normalize<kAffine>(load(x + at), m, s, kAffine ? load(gamma + at) : none,
                                       kAffine ? load(beta + at) : none));
    }
  }
  for (; i < n; i += kLanes) {
    const size_t left = n - i;
    store_tail(y + i,
               normalize<kAffine>(load_tail(x + i, left), m, s, kAffine ? load_tail(gamma + i, left) : none,
                                  kAffine ? load_tail(beta + i, left) : none),
               left);
  }
}

inline void normalize_row(const float* x, float* y, size_t n, float mean, float rstd, const float* gamma,
                          const float* beta) {
  if (gamma == nullptr)
    normalize_row_as<false>(x, y, n, mean, rstd, gamma, beta);
  else
    normalize_row_as<true>(x, y, n, mean, rstd, gamma, beta);
}

// B independent chains hide the latency of the multiply-add; the weights stream once.
template <int B>
inline void dense_blocks(const float* x, size_t depth, const float* weights, const float* bias, float* y) {
  Vec acc[B];
  const ptrdiff_t block = static_cast<ptrdiff_t>(depth) * kLanes;
#pragma GCC unroll 4
  for (int b = 0; b < B; ++b) acc[b] = load(bias + b * kLanes);
  for (size_t k = 0; k < depth; ++k, weights += kLanes) {
    const Vec v = splat(x[k]);
#pragma GCC unroll 4
    for (int b = 0; b < B; ++b) acc[b] = fma(v, load(weights + b * block), acc[b]);
  }
#pragma GCC unroll 4
  for (int b = 0; b < B; ++b) store(y + b * kLanes, acc[b]);
}

inline void dense_row(const float* x, size_t depth, const float* weights, const float* bias, float* y, size_t blocks) {
  size_t b = 0;
  for (; b + 4 <= blocks; b += 4)
    dense_blocks<4>(x, depth, weights + b * depth * kLanes, bias + b * kLanes, y + b * kLanes);
  for (; b < blocks; ++b) dense_blocks<1>(x, depth, weights + b * depth * kLanes, bias + b * kLanes, y + b * kLanes);
}

template <int fn>
void fill_fold(KernelTable* table) {
  if constexpr (fn < static_cast<int>(Fold::kCount)) {
    table->fold_row[fn] = fold_row<static_cast<Fold>(fn)>;
    table->fold_columns[fn] = fold_columns<static_cast<Fold>(fn)>;
    table->fold_plane[fn] = fold_plane<static_cast<Fold>(fn)>;
    fill_fold<fn + 1>(table);
  }
}

inline void fill_reduce(KernelTable* table) {
  fill_fold<0>(table);
  table->normalize_row = normalize_row;
  table->dense_row = dense_row;
}

}  // namespace
