// Softmax and log-softmax in three passes: maximum, exponentials and their sum, scaling. A row of classes or a strip of
// columns stays in L1 between the passes.
//
//   y = exp(x - max) / sum          relative error: 2^-24 * (|x - max| + 4) + that of the sum
//   y = (x - max) - log(sum)        error: 2^-24 * (2*|x - max| + 3*|log sum| + 1) + the relative error of the sum
//
// The sum's: its bound in rows.h + the mean of 2^-24 * (|x - max| + 2) over the terms.
//
// A NaN or +inf anywhere, or -inf everywhere, makes all NaN, as the formula does.
#pragma once
#include "kernels/shared/rows_reduce.h"

namespace {

inline float log_of(double x) {
  float lane[kLanes];
  store(lane, log(splat(static_cast<float>(x))));
  return lane[0];
}

template <bool kLog>
void softmax_row(const float* x, float* y, size_t n) {
  if (n == 0) return;
  const float largest = static_cast<float>(fold_row<Fold::kMax>(x, n, 0.f));
  const Vec m = splat(largest);
  if constexpr (kLog) {
    const Vec shift = splat(log_of(fold_row<Fold::kSumExp>(x, n, largest)));
    size_t i = 0;
    for (; i + kLanes <= n; i += kLanes) store(y + i, sub(sub(load(x + i), m), shift));
    if (i < n) store_tail(y + i, sub(sub(load_tail(x + i, n - i), m), shift), n - i);
    return;
  }
  double total = 0;
  size_t i = 0;
  while (i + kLanes <= n) {
    const size_t chunks = (n - i) / kLanes;
    const size_t end = i + kLanes * (chunks < lanewise::kFoldChunk ? chunks : lanewise::kFoldChunk);
    Vec acc = splat(0.f);
    for (; i < end; i += kLanes) {
      const Vec e = exp(sub(load(x + i), m));
      store(y + i, e);
      acc = add(acc, e);
    }
    total += static_cast<double>(sum(acc));
  }
  if (i < n) {
    const Vec e = exp(sub(load_tail(x + i, n - i), m));
    store_tail(y + i, e, n - i);
    total = fold_lanes<Fold::kSum>(total, e, n - i);
  }
  const Vec scale = splat(static_cast<float>(1 / total));
  for (i = 0; i + kLanes <= n; i += kLanes) store(y + i, mul(load(y + i), scale));
  if (i < n) store_tail(y + i, mul(load_tail(y + i, n - i), scale), n - i);
}

// V vectors of columns; one vector may be a part of `tail` columns.
template <bool kLog, int V>
inline void softmax_strip(const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride, size_t count, size_t tail) {
  const bool whole = V > 1 || tail >= kLanes;
  Vec m[V], total[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    m[v] = splat(-kInfinity);
    total[v] = splat(0.f);
  }
  for (size_t row = 0; row < count; ++row) {
    const float* p = x + static_cast<ptrdiff_t>(row) * x_stride;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) m[v] = max(m[v], whole ? load(p + v * kLanes) : load_tail(p, tail));
  }
  for (size_t row = 0; row < count;) {
    const size_t end = count - row > 64 ? row + 64 : count;
    Vec acc[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) acc[v] = splat(0.f);
    for (; row < end; ++row) {
      const float* p = x + static_cast<ptrdiff_t>(row) * x_stride;
      float* q = y + static_cast<ptrdiff_t>(row) * y_stride;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const Vec e = exp(sub(whole ? load(p + v * kLanes) : load_tail(p, tail), m[v]));
        acc[v] = add(acc[v], e);
        if (kLog) continue;
        if (whole)
          store(q + v * kLanes, e);
        else
          store_tail(q, e, tail);
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) total[v] = add(total[v], acc[v]);
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) total[v] = kLog ? log(total[v]) : div(splat(1.f), total[v]);
  const float* source = kLog ? x : y;
  const ptrdiff_t stride = kLog ? x_stride : y_stride;
  for (size_t row = 0; row < count; ++row) {
    const float* p = source + static_cast<ptrdiff_t>(row) * stride;
    float* q = y + static_cast<ptrdiff_t>(row) * y_stride;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec e = whole ? load(p + v * kLanes) : load_tail(p, tail);
      const Vec r = kLog ? sub(sub(e, m[v]), total[v]) : mul(e, total[v]);
      if (whole)
        store(q + v * kLanes, r);
      else
        store_tail(q, r, tail);
    }
  }
}

template <bool kLog>
void softmax_columns(const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride, size_t count, size_t n) {
  size_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) softmax_strip<kLog, 4>(x + i, x_stride, y + i, y_stride, count, kLanes);
  for (; i < n; i += kLanes) softmax_strip<kLog, 1>(x + i, x_stride, y + i, y_stride, count, n - i);
}

inline void fill_softmax(KernelTable* table) {
  table->softmax_row = softmax_row<false>;
  table->log_softmax_row = softmax_row<true>;
  table->softmax_columns = softmax_columns<false>;
  table->log_softmax_columns = softmax_columns<true>;
}

}  // namespace
