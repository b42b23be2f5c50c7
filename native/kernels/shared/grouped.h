// Convolution in small groups (and depthwise with a multiplier): MR output pixels x one vector of output channels,
// whose lanes read different channels of one input block,
//
//   y[m] = epilogue(bias + sum over ky, kx, j: permute(x[row ky, m*pixel_stride + kx*tap_stride], index[j]) *
//   w[ky][j][kx])
//
// index[j] picks, for every lane, channel j of that lane's group. The general kernel permutes once per multiply-add;
// with three columns at stride 1 or 2 a permuted input column serves every tap that meets it, which is what keeps the
// permutes off the critical port.
//
// Order of arithmetic: (ky, j, kx) ascending, in both kernels.
#pragma once

#include "kernels/contract.h"
#include "kernels/shared/epilogue.h"
#include "kernels/table.h"

namespace {

using lanewise::GroupedArgs;

template <int MR>
inline __attribute__((always_inline)) void grouped_any(const GroupedArgs& args, Vec (&acc)[MR][1]) {
  const float* w = args.weights;
  for (size_t ky = 0; ky < args.kernel_rows; ++ky) {
    const float* row = args.x + args.row_offsets[ky];
    for (size_t j = 0; j < args.depth; ++j) {
      const Index index = load_index(args.index + j * kLanes);
      for (size_t kx = 0; kx < args.kernel_cols; ++kx) {
        const Vec tap = load(w);
        w += kLanes;
        const float* x = row + static_cast<ptrdiff_t>(kx) * args.x_tap_stride;
#pragma GCC unroll 14
        for (int m = 0; m < MR; ++m) accumulate(acc[m][0], permute(load(x + m * args.x_pixel_stride), index), tap);
      }
    }
  }
}

// Three taps a row, S columns apart from pixel to pixel.
template <int MR, int S>
inline __attribute__((always_inline)) void grouped_3(const GroupedArgs& args, Vec (&acc)[MR][1]) {
  const float* w = args.weights;
  for (size_t ky = 0; ky < args.kernel_rows; ++ky) {
    const float* row = args.x + args.row_offsets[ky];
    for (size_t j = 0; j < args.depth; ++j) {
      const Index index = load_index(args.index + j * kLanes);
      const Vec tap[3] = {load(w), load(w + kLanes), load(w + 2 * kLanes)};
      w += 3 * kLanes;
      // Left to right, so that every pixel meets its taps in ascending order.
#pragma GCC unroll 32
      for (int column = 0; column < (MR - 1) * S + 3; ++column) {
        const Vec x = permute(load(row + column * kLanes), index);
#pragma GCC unroll 3
        for (int kx = 0; kx < 3; ++kx) {
          const int distance = column - kx;
          if (distance >= 0 && distance % S == 0 && distance / S < MR) accumulate(acc[distance / S][0], x, tap[kx]);
        }
      }
    }
  }
}

template <int MR>
void grouped(const GroupedArgs& args) {
  Vec acc[MR][1];
  const Vec bias = load(args.bias);
#pragma GCC unroll 14
  for (int m = 0; m < MR; ++m) acc[m][0] = bias;
  const bool three = args.kernel_cols == 3 && args.x_tap_stride == kLanes;
  if (three && args.x_pixel_stride == kLanes) {
    grouped_3<MR, 1>(args, acc);
  } else if (three && args.x_pixel_stride == 2 * kLanes) {
    grouped_3<MR, 2>(args, acc);
  } else {
    grouped_any<MR>(args, acc);
  }
  finish<MR, 1>(acc, args.epilogue, args.y, args.y_pixel_stride, 0, kLanes);
}

template <int MR>
void fill_grouped_pixels(lanewise::KernelTable* table) {
  table->grouped[MR - 1] = grouped<MR>;
  if constexpr (MR > 1) fill_grouped_pixels<MR - 1>(table);
}

}  // namespace
