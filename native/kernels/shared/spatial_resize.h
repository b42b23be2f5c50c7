// Rows of a resize. Bilinear: four loads and six multiply-adds per pixel, vertical first, weights rounded once from
// double by the plan. A weight of exactly 0 or 1 gives the source pixel unchanged (unless the other one is infinite or
// NaN, as in the formula). Nearest: a gather of whole pixels.
#pragma once
#include "kernels/contract.h"

namespace {

inline void resize_row_linear(const lanewise::ResizeRowArgs& args) {
  const float* top = args.rows[0];
  const float* bottom = args.rows[1];
  const Vec w0 = splat(args.row_weights[0]);
  const Vec w1 = splat(args.row_weights[1]);
  for (size_t i = 0; i < args.y_cols; ++i) {
    const lanewise::ResizeColumn column = args.columns[i];
    const Vec left = fma(load(bottom + column.left), w1, mul(load(top + column.left), w0));
    const Vec right = fma(load(bottom + column.right), w1, mul(load(top + column.right), w0));
    store(args.y + i * kLanes, fma(right, splat(column.right_weight), mul(left, splat(column.left_weight))));
  }
}

inline void gather_pixels(const float* x, const int32_t* offsets, float* y, size_t pixels) {
  for (size_t i = 0; i < pixels; ++i) store(y + i * kLanes, load(x + offsets[i]));
}

}  // namespace
