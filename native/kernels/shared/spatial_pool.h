// Pooling of blocked rows and planes.
//
// A row takes its tap columns vertically first, then horizontally. In the interior, where every window is complete,
// kWindows neighbouring windows share their vertical results: a 3x3 stride 1 window then costs 3 loads and 4
// combinations instead of 9 and 8. Border windows, and every other geometry, go one by one through pool_windows in the
// same order.
#pragma once
#include "kernels/contract.h"

namespace {

using lanewise::PlaneReduceArgs;
using lanewise::PoolColumn;
using lanewise::PoolRowArgs;

// Both NaN rules of max(a, b) = b are needed: max(x, acc) keeps a NaN of acc, the select puts back one of x.
inline Vec max_nan(Vec acc, Vec x) { return select(is_nan(x), x, max(x, acc)); }

struct MaxPooling {
  static Vec combine(Vec acc, Vec x) { return max_nan(acc, x); }
  static Vec empty() { return splat(-__builtin_inff()); }
  static Vec finish(Vec acc, float) { return acc; }
};

struct AveragePooling {
  static Vec combine(Vec acc, Vec x) { return add(acc, x); }
  static Vec empty() { return splat(0.f); }
  // To divide by a power of two is to multiply by its inverse, bit for bit, and a ZMM division takes ten cycles.
  static Vec finish(Vec acc, float count) {
    const uint64_t n = static_cast<uint64_t>(count);
    return (n & (n - 1)) == 0 ? mul(acc, splat(1.f / count)) : div(acc, splat(count));
  }
};

template <class Pooling>
inline Vec pool_tap_column(const float* x, ptrdiff_t row_stride, size_t rows) {
  Vec acc = load(x);
  for (size_t r = 1; r < rows; ++r) acc = Pooling::combine(acc, load(x + static_cast<ptrdiff_t>(r) * row_stride));
  return acc;
}

// Output columns [begin, end), any geometry.
template <class Pooling>
inline void pool_windows(const PoolRowArgs& args, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    const PoolColumn column = args.columns[i];
    Vec acc = Pooling::empty();
    if (column.taps > 0 && args.tap_rows > 0) {
      const float* x = args.x + static_cast<ptrdiff_t>(column.first) * kLanes;
      acc = pool_tap_column<Pooling>(x, args.x_row_stride, args.tap_rows);
      for (int32_t t = 1; t < column.taps; ++t) {
        acc =
            Pooling::combine(acc, pool_tap_column<Pooling>(x + t * args.tap_stride, args.x_row_stride, args.tap_rows));
      }
    }
    store(args.y + i * kLanes, Pooling::finish(acc, args.row_count * column.count));
  }
}

// Complete windows of adjacent columns (no dilation), kWindows at a time.
template <class Pooling, int kTaps, int kStride, int kWindows>
inline void pool_full_windows(const PoolRowArgs& args) {
  constexpr int kColumns = (kWindows - 1) * kStride + kTaps;
  size_t i = args.full_begin;
  for (; i + kWindows <= args.full_end; i += kWindows) {
    const float* x = args.x + static_cast<ptrdiff_t>(args.columns[i].first) * kLanes;
    Vec column[kColumns];
#pragma GCC unroll 16
    for (int c = 0; c < kColumns; ++c) column[c] = load(x + c * kLanes);
    for (size_t r = 1; r < args.tap_rows; ++r) {
      x += args.x_row_stride;
#pragma GCC unroll 16
      for (int c = 0; c < kColumns; ++c) column[c] = Pooling::combine(column[c], load(x + c * kLanes));
    }
    const float count = args.row_count * args.columns[i].count;
#pragma GCC unroll 16
    for (int w = 0; w < kWindows; ++w) {
      Vec acc = column[w * kStride];
#pragma GCC unroll 4
      for (int t = 1; t < kTaps; ++t) acc = Pooling::combine(acc, column[w * kStride + t]);
      store(args.y + (i + static_cast<size_t>(w)) * kLanes, Pooling::finish(acc, count));
    }
  }
  pool_windows<Pooling>(args, i, args.full_end);
}

template <class Pooling>
inline void pool_row(const PoolRowArgs& args) {
  if (args.tap_rows == 0 || args.tap_stride != kLanes) return pool_windows<Pooling>(args, 0, args.y_cols);
  pool_windows<Pooling>(args, 0, args.full_begin);
  if (args.kernel_cols == 2 && args.stride_cols == 2) {
    pool_full_windows<Pooling, 2, 2, 4>(args);
  } else if (args.kernel_cols == 3 && args.stride_cols == 1) {
    pool_full_windows<Pooling, 3, 1, 6>(args);
  } else if (args.kernel_cols == 3 && args.stride_cols == 2) {
    pool_full_windows<Pooling, 3, 2, 4>(args);
  } else if (args.kernel_cols == 5 && args.stride_cols == 1) {
    pool_full_windows<Pooling, 5, 1, 4>(args);
  } else {
    pool_windows<Pooling>(args, args.full_begin, args.full_end);
  }
  pool_windows<Pooling>(args, args.full_end, args.y_cols);
}

inline void pool_row_max(const PoolRowArgs& args) { pool_row<MaxPooling>(args); }
inline void pool_row_average(const PoolRowArgs& args) { pool_row<AveragePooling>(args); }

// Four accumulators hide the latency of the additions; which one takes a pixel depends on its column alone, never on
// the strides, so a plane with a halo reduces to the same bits as one without.
template <class Pooling>
inline void plane_reduce(const PlaneReduceArgs& args) {
  Vec acc[4] = {Pooling::empty(), Pooling::empty(), Pooling::empty(), Pooling::empty()};
  for (size_t r = 0; r < args.rows; ++r) {
    const float* x = args.x + static_cast<ptrdiff_t>(r) * args.row_stride;
    size_t c = 0;
    for (; c + 4 <= args.cols; c += 4) {
#pragma GCC unroll 4
      for (int a = 0; a < 4; ++a) acc[a] = Pooling::combine(acc[a], load(x + (c + static_cast<size_t>(a)) * kLanes));
    }
    if (c < args.cols) acc[0] = Pooling::combine(acc[0], load(x + c * kLanes));
    if (c + 1 < args.cols) acc[1] = Pooling::combine(acc[1], load(x + (c + 1) * kLanes));
    if (c + 2 < args.cols) acc[2] = Pooling::combine(acc[2], load(x + (c + 2) * kLanes));
  }
  const Vec total = Pooling::combine(Pooling::combine(acc[0], acc[1]), Pooling::combine(acc[2], acc[3]));
  store(args.y, Pooling::finish(total, args.count));
}

inline void plane_mean(const PlaneReduceArgs& args) { plane_reduce<AveragePooling>(args); }
inline void plane_max(const PlaneReduceArgs& args) { plane_reduce<MaxPooling>(args); }

}  // namespace
