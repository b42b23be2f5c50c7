// Depthwise convolution of a row: MR output pixels x one vector of channels,
//
//   y[m] = epilogue(bias + sum over taps t: x[offsets[t] + m*pixel_stride] * w[t])
//
// One weight vector and MR input vectors per tap. A tap costs MR + 1 loads for MR multiply-adds, which is what two load
// ports sustain, so any kernel size, stride and dilation runs alike; MR accumulators hide the latency of the sums.
// Depth multipliers other than one are small groups: see grouped.h.
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

template <int MR>
void fill_depthwise_pixels(lanewise::KernelTable* table) {
  table->depthwise[MR - 1] = depthwise<MR>;
  if constexpr (MR > 1) fill_depthwise_pixels<MR - 1>(table);
}

}  // namespace
