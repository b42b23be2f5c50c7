// Types of the kernels that move or combine pixels: pooling, resizing, transposition, lane movement. A pixel of a
// blocked tensor is one vector: `lanes` channels side by side. Pixels of a row are consecutive vectors.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {

// y[c*ldy + r] = x[r*ldx + c] for r < rows, c < cols. x and y do not overlap.
using TransposeKernel = void (*)(const float* x, ptrdiff_t ldx, float* y, ptrdiff_t ldy, size_t rows, size_t cols);

// What an output column of a pooling takes from a source row: the taps that lie inside the image.
struct PoolColumn {
  int32_t first;  // source column of the first tap inside
  int32_t taps;   // number of taps inside, 0 for a window of padding only
  float count;    // average: columns of the window that count for the divisor; at least 1
};

// One output row of a max or average pooling. The sum (maximum) of a tap column over the rows comes first, then the
// columns in ascending order, on every path, so that the result does not depend on the path.
struct PoolRowArgs {
  const float* x;             // column 0 of the first tap row that is inside the image
  ptrdiff_t x_row_stride;     // from one tap row to the next
  size_t tap_rows;            // tap rows inside the image; 0: padding only
  const PoolColumn* columns;  // [y_cols]
  ptrdiff_t tap_stride;       // from one tap to the next, in elements
  // Output columns [full_begin, full_end) have all kernel_cols taps, and `first` grows by stride_cols.
  size_t full_begin;
  size_t full_end;
  size_t kernel_cols;
  size_t stride_cols;
  float row_count;  // average: rows of the window that count for the divisor
  float* y;
  size_t y_cols;
};
// Max: a NaN anywhere in the window gives NaN; a window of padding only gives -infinity.
// Average: sum / (row_count * columns[i].count); a window of padding only gives 0.
using PoolRowKernel = void (*)(const PoolRowArgs&);

// Reduces a plane of pixels to one pixel: y = sum / count, or the maximum (NaN wins). Column i of every row goes to
// accumulator i mod 4 (the columns behind the last multiple of four likewise); the result is (a0 + a1) + (a2 + a3).
struct PlaneReduceArgs {
  const float* x;
  ptrdiff_t row_stride;
  size_t rows;
  size_t cols;
  float count;  // mean only
  float* y;
};
using PlaneReduceKernel = void (*)(const PlaneReduceArgs&);

// One tap pair of an output column of a linear resize: y = x[left]*left_weight + x[right]*right_weight.
struct ResizeColumn {
  int32_t left;  // offsets in elements
  int32_t right;
  float left_weight;
  float right_weight;
};

// One output row of a bilinear resize: the two source rows are combined first, then the columns.
//   y[i] = (x0[l]*w0 + x1[l]*w1)*left_weight + (x0[r]*w0 + x1[r]*w1)*right_weight
// where every a*u + b*v is fma(b, v, a*u).
struct ResizeRowArgs {
  const float* rows[2];
  float row_weights[2];
  const ResizeColumn* columns;  // [y_cols]
  float* y;
  size_t y_cols;
};
using ResizeRowKernel = void (*)(const ResizeRowArgs&);

// y pixel i = the vector at x + offsets[i] (in elements).
using GatherPixelsKernel = void (*)(const float* x, const int32_t* offsets, float* y, size_t pixels);

// Lanes of several source blocks into one output block: for every pixel
//   v = permute(sources[0], index[0]);  v = permute2(v, sources[s], index[s]) for s = 1, 2, ...;  y = v
// so index[s][l] = l keeps what lane l has and lanes + c takes channel c of source s.
struct PermuteLanesArgs {
  const float* const* sources;  // [source_count], the first pixel of each
  size_t source_count;          // at least 1
  const int32_t* index;         // [source_count][lanes]
  float* y;
  size_t pixels;
};
using PermuteLanesKernel = void (*)(const PermuteLanesArgs&);

}  // namespace lanewise
