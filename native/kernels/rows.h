// Types of the kernels that work on rows of elements: elementwise, scale, softmax, normalisation, reduction.
// A row is n contiguous elements. Where y has the shape of an input it may be that input (in place).
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {

// table.unary[Unary]
using UnaryRow = void (*)(const float* x, float* y, size_t n, float alpha, float beta);

// table.binary[binary_index(fn, spread)]; with Spread::kLanes* n is a multiple of the lanes. y may be a or b where that
// operand is not repeated.
using BinaryRow = void (*)(const float* a, const float* b, float* y, size_t n);
constexpr int kBinaryRows = static_cast<int>(Binary::kCount) * static_cast<int>(Spread::kCount);
constexpr int binary_index(Binary fn, Spread spread) {
  return static_cast<int>(fn) * static_cast<int>(Spread::kCount) + static_cast<int>(spread);
}

// y = min(hi, max(lo, x*scale + shift)), one fused multiply-add. scale_row: one scale and one shift for the whole row.
// scale_lanes: one vector of each, repeated for every pixel of a blocked row (n is a multiple of the lanes).
using ScaleRow = void (*)(const float* x, const float* scale, const float* shift, float* y, size_t n, float lo,
                          float hi);

// Over the n elements of a row: y = exp(x - max) / sum, or its logarithm.
using SoftmaxRow = void (*)(const float* x, float* y, size_t n);
// n columns side by side, each over `count` rows that lie a stride apart.
using SoftmaxColumns = void (*)(const float* x, ptrdiff_t x_stride, float* y, ptrdiff_t y_stride, size_t count,
                                size_t n);

// What a reduction does with the elements; only the last two look at `center`. Minima and maxima keep NaN.
enum class Fold : int32_t {
  kSum,
  kMax,
  kMin,
  kProd,
  kSumAbs,
  kSumSquares,  // sum of (x - center)^2
  kSumExp,      // sum of exp(x - center)
  kCount,
};
// table.fold_row[Fold]: a row to one number. Sums are kept in float over at most kFoldChunk vectors per partial and in
// double above, so the error of a sum is at most (kFoldChunk + 8) * 2^-24 * sum|term|, whatever n.
constexpr int kFoldChunk = 32;
using FoldRow = double (*)(const float* x, size_t n, float center);
// table.fold_columns[Fold]: n columns over `count` rows; `center` has n elements or is null (zeros); with `accumulate`
// the result joins what y holds. Error of a sum: (64 + count/64 + 2) * 2^-24 * sum|term|.
using FoldColumns = void (*)(const float* x, ptrdiff_t stride, size_t count, const float* center, float* y, size_t n,
                             bool accumulate);
// table.fold_plane[Fold]: the pixels of one blocked plane to one vector, lane by lane, in an order that depends on the
// extents alone (column mod 4, then rows), so that ISAs with unlike vectors agree to the bit. `center` is one vector or
// null. Error of a sum: (cols/4 + rows + 3) * 2^-24 * sum|term|.
using FoldPlane = void (*)(const float* x, ptrdiff_t row_stride, size_t rows, size_t cols, const float* center,
                           float* y);

// y = (x - mean) * rstd, then * gamma + beta unless gamma is null.
using NormalizeRow = void (*)(const float* x, float* y, size_t n, float mean, float rstd, const float* gamma,
                              const float* beta);

// Sums of quarters for Strassen's product (core/strassen.cc), over n elements, a multiple of the lanes. With a11, a21
// the elements at a1 and a2, and a12, a22 those `second` behind them:
//   s[0] = a21 + a22    s[1] = s[0] - a11    s[2] = a11 - a21    s[3] = a12 - s[1],   s_stride apart
// What lies `ahead` of each element is wanted soon.
struct StrassenSumsArgs {
  const float* a1;
  const float* a2;
  ptrdiff_t second;
  ptrdiff_t ahead;
  float* s;
  ptrdiff_t s_stride;
  size_t n;
};
using StrassenSums = void (*)(const StrassenSumsArgs&);

// A small dense layer: y[b] = bias[b] + sum over k of x[k] * weights[b][k], for `blocks` vectors of outputs; terms in
// ascending k with one multiply-add each.
using DenseRow = void (*)(const float* x, size_t depth, const float* weights, const float* bias, float* y,
                          size_t blocks);

}  // namespace lanewise

#include "kernels/spatial.h"
