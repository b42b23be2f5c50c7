// Depthwise convolution of a row: MR output pixels x one vector of channels,
//
//   y[m] = epilogue(bias + sum over taps t: x[offsets[t] + m*pixel_stride] * w[t])
//
// `depthwise` takes any taps: one weight vector and MR input vectors per tap, that is MR + 1 loads for MR
// multiply-adds. Two load ports would sustain that, but not the stores and calls beside it, so the shapes that networks
// are made of have kernels of their own: `depthwise_square` knows its K x K taps and its stride, keeps a row of weights
// in registers, and uses each input vector for all outputs of the row that it belongs to. It leaves out taps
// outside of the input, so that no map has a border: of 7 x 7 pixels it would be 32, or 72 for 5 x 5 taps. Depth
// multipliers other than one are small groups: see grouped.h.
#pragma once

#include "kernels/contract.h"
#include "kernels/shared/epilogue.h"
#include "kernels/table.h"

namespace {

template <int MR>
void depthwise(const lanewise::DepthwiseArgs& args) {
  Vec acc[MR][1];
  const Vec bias = load(args.bias);
#pragma GCC unroll 14
  for (int m = 0; m < MR; ++m) acc[m][0] = bias;
  const ptrdiff_t stride = args.x_pixel_stride;
  const float* w = args.weights;
  for (size_t t = 0; t < args.taps; ++t) {
    const Vec tap = load(w);
    w += kLanes;
    const float* x = args.x + args.offsets[t];
#pragma GCC unroll 14
    for (int m = 0; m < MR; ++m) {
      accumulate(acc[m][0], load(x), tap);
      x += stride;
    }
  }
  finish<MR, 1>(acc, args.epilogue, args.y, args.y_pixel_stride, 0, kLanes);
}

template <int K, int S, int MR>
void depthwise_square(const lanewise::DepthwiseArgs& args) {
  Vec acc[MR][1];
  const Vec bias = load(args.bias);
#pragma GCC unroll 14
  for (int m = 0; m < MR; ++m) acc[m][0] = bias;
  constexpr int kCols = (MR - 1) * S + K, kEdge = K / 2;
  const float* w = args.weights + args.first_row * K * kLanes;
  for (int ky = args.first_row; ky < args.end_row; ++ky) {
    Vec tap[K];
#pragma GCC unroll 5
    for (int kx = 0; kx < K; ++kx) tap[kx] = load(w + kx * kLanes);
    w += K * kLanes;
    const float* x = args.x + args.offsets[ky * K];
#pragma GCC unroll 31
    for (int j = 0; j < kCols; ++j) {
      if ((j < kEdge && j < args.first_col) || (j >= kCols - kEdge && j >= args.end_col)) continue;
      const Vec v = load(x + j * kLanes);
#pragma GCC unroll 5
      for (int kx = 0; kx < K; ++kx) {
        // Pixel m reads column m*S + kx.
        const int m = (j - kx) / S;
        if (j >= kx && m * S == j - kx && m < MR) accumulate(acc[m][0], v, tap[kx]);
      }
    }
  }
  finish<MR, 1>(acc, args.epilogue, args.y, args.y_pixel_stride, 0, kLanes);
}

template <int K, int S, int MR>
void fill_depthwise_square(lanewise::DepthwiseKernel* kernels) {
  kernels[MR - 1] = depthwise_square<K, S, MR>;
  if constexpr (MR > 1) fill_depthwise_square<K, S, MR - 1>(kernels);
}

// `registers` is how many vectors fit: a square kernel holds its accumulators, a row of weights and an input.
template <int registers>
void fill_depthwise_squares(lanewise::KernelTable* table) {
  constexpr int k3 = registers - 4 < lanewise::kMaxRowPixels ? registers - 4 : lanewise::kMaxRowPixels;
  constexpr int k5 = registers - 6 < lanewise::kMaxRowPixels ? registers - 6 : lanewise::kMaxRowPixels;
  fill_depthwise_square<3, 1, k3>(table->depthwise_square[0][0]);
  fill_depthwise_square<3, 2, k3>(table->depthwise_square[0][1]);
  fill_depthwise_square<5, 1, k5>(table->depthwise_square[1][0]);
  fill_depthwise_square<5, 2, k5>(table->depthwise_square[1][1]);
}

template <int MR>
void fill_depthwise_pixels(lanewise::KernelTable* table) {
  table->depthwise[MR - 1] = depthwise<MR>;
  if constexpr (MR > 1) fill_depthwise_pixels<MR - 1>(table);
}

}  // namespace
