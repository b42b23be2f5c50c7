// Types of the Winograd transforms for 3x3 convolutions of stride 1 and 2. A tile's transform has n*n frequencies, each
// a pixel (one vector of channels).
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {

// F(m): tiles of m x m outputs from n x n inputs. Along an axis of stride 2 (shared/winograd.h) the last m frequencies
// have the weights in common: there are panels() x panels() transforms of a filter.
struct WinogradTile {
  int m = 2, stride = 1;
  constexpr int n() const { return stride * (m - 1) + 3; }
  constexpr int frequencies() const { return n() * n(); }
  constexpr int panels() const { return m + 2; }
  // In the arrays of kernels.inc; narrow tiles follow the others.
  constexpr int index(bool narrow_rows = false, bool narrow_cols = false) const {
    if (narrow_rows || narrow_cols) return 3 + (narrow_rows ? 1 : 0) + (narrow_cols ? 2 : 0);
    return 2 * (stride - 1) + (m == 4 ? 1 : 0);
  }
  // Whether it has narrow tiles, for an edge with one or two outputs left: along that axis they are F(2), whose points
  // and so whose weights are some of F(4)'s (shared/winograd.h).
  constexpr bool narrows() const { return m == 4 && stride == 1; }
};
constexpr int kWinogradTiles = 4, kWinogradKernels = kWinogradTiles + 3;

// Along a narrow axis.
struct NarrowWinograd {
  static constexpr int kOutputs = 2, kSamples = 4;
  static constexpr int frequency(int sample) { return sample < 3 ? sample : 5; }
  static constexpr bool has(int frequency) { return frequency < 3 || frequency == 5; }
};

// Input tile -> frequencies: v[f*v_stride] for f = row*n + col. A narrow tile writes those that it has.
struct WinogradInputArgs {
  const float* x;          // pixel (0, 0) of the input tile
  ptrdiff_t x_row_stride;  // pixels of a row are consecutive vectors
  int rows, cols;          // how many of the tile's rows and columns exist, or more; the rest is zero
  float* v;
  ptrdiff_t v_stride;
};
using WinogradInputKernel = void (*)(const WinogradInputArgs&);

// Frequencies -> output tile: y = epilogue(bias + transform(m[f*m_stride])).
struct WinogradOutputArgs {
  const float* m;
  ptrdiff_t m_stride;
  const float* bias;
  float* y;
  ptrdiff_t y_row_stride;
  ptrdiff_t y_pixel_stride;
  int rows, cols;  // how many of the tile's rows and columns are stored
  Epilogue epilogue;
  ptrdiff_t residual_row_stride;
  ptrdiff_t gate_row_stride;
};
using WinogradOutputKernel = void (*)(const WinogradOutputArgs&);

// 3x3 weights -> panels of up to kWinogradWeights output channels: u[p*u_stride + o] = G w G^T of the taps
// w[o*w_stride], computed in double with separate multiplications and additions and rounded once: the same bits on all
// ISAs.
constexpr int64_t kWinogradWeights = 16;
struct WinogradWeightsArgs {
  const float* w;
  ptrdiff_t w_stride;
  size_t count;
  float* u;
  ptrdiff_t u_stride;
};
using WinogradWeightsKernel = void (*)(const WinogradWeightsArgs&);

}  // namespace lanewise
