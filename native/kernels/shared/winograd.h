// Winograd transforms of 3x3 convolutions for tiles of M x M outputs, M = 2 and 4, vectorised over channels.
//
// Stride 1 is Toom-Cook with the points 0, +-1, infinity for F(2) and 0, +-1/sqrt 2, +-sqrt 2, infinity for F(4). The
// common choice for F(4), 0, +-1, +-2, has a four times larger rounding error; these points are as cheap, because p and
// -p still share their even and odd parts. B^T (input) has the rows x^4 - 5/2 x^2 + 1, ... of the products of the other
// points, A^T (output) the powers of the points, G (weights) the powers divided by the product of differences.
//
// Narrow tiles, at an edge where F(4) has one or two outputs left, are F(2) along that axis with the points 0,
// +-1/sqrt 2 and infinity. Their rows of G are F(4)'s up to factors, which go into B^T: the packed weights are the
// same.
//
// Stride 2: along an axis, taps 0 and 2 meet samples 0, 2, 4, ... only: a filter of two taps and stride 1 over these
// M + 1, which takes as many products. Tap 1 meets the M samples between them, with one product for each and nothing to
// transform. The points are 0, 1, infinity for F(2) and +-1/2, +-5/4, infinity for F(4): their powers are exact, and
// the error is within an eighth of the smallest that any +-p, +-q have; with 0, +-p, q it is half as large again.
#pragma once

#include "kernels/contract.h"
#include "kernels/shared/epilogue.h"
#include "kernels/table.h"

namespace {

using lanewise::KernelTable;
using lanewise::NarrowWinograd;
using lanewise::WinogradInputArgs;
using lanewise::WinogradOutputArgs;
using lanewise::WinogradTile;

constexpr float kRoot2 = 1.41421356237309515f;
constexpr float kHalfRoot2 = 0.70710678118654757f;

// One dimension of B^T d B.
template <int M, int Stride>
struct InputTransform;

template <>
struct InputTransform<2, 1> {
  static inline void apply(const Vec (&d)[4], Vec (&t)[4]) {
    t[0] = sub(d[0], d[2]);
    t[1] = add(d[1], d[2]);
    t[2] = sub(d[2], d[1]);
    t[3] = sub(d[3], d[1]);
  }
};

template <>
struct InputTransform<4, 1> {
  static inline void apply(const Vec (&d)[6], Vec (&t)[6]) {
    const Vec minus_5_halves = splat(-2.5f), minus_2 = splat(-2.f), minus_half = splat(-0.5f);
    t[0] = fma(minus_5_halves, d[2], add(d[0], d[4]));
    t[5] = fma(minus_5_halves, d[3], add(d[1], d[5]));
    const Vec even1 = fma(minus_2, d[2], d[4]);
    const Vec odd1 = mul(splat(kHalfRoot2), fma(minus_2, d[1], d[3]));
    t[1] = add(even1, odd1);
    t[2] = sub(even1, odd1);
    const Vec even2 = fma(minus_half, d[2], d[4]);
    const Vec odd2 = mul(splat(kRoot2), fma(minus_half, d[1], d[3]));
    t[3] = add(even2, odd2);
    t[4] = sub(even2, odd2);
  }
};

template <>
struct InputTransform<2, 2> {
  static inline void apply(const Vec (&d)[3], Vec (&t)[3]) {
    t[0] = sub(d[0], d[1]);
    t[1] = d[1];
    t[2] = sub(d[2], d[1]);
  }
};

template <>
struct InputTransform<4, 2> {
  static inline void apply(const Vec (&d)[5], Vec (&t)[5]) {
    const Vec minus_p2 = splat(-0.25f), minus_q2 = splat(-1.5625f);
    const Vec odd1 = fma(minus_q2, d[1], d[3]);
    const Vec even1 = mul(splat(0.5f), fma(minus_q2, d[0], d[2]));
    t[0] = add(odd1, even1);
    t[1] = sub(odd1, even1);
    const Vec odd2 = fma(minus_p2, d[1], d[3]);
    const Vec even2 = mul(splat(1.25f), fma(minus_p2, d[0], d[2]));
    t[2] = add(odd2, even2);
    t[3] = sub(odd2, even2);
    t[4] = fma(splat(0.390625f), d[0], fma(splat(-1.8125f), d[2], d[4]));
  }
};

// One dimension of A^T m A.
template <int M, int Stride>
struct OutputTransform;

template <>
struct OutputTransform<2, 1> {
  static inline void apply(const Vec (&m)[4], Vec (&y)[2]) {
    y[0] = add(m[0], add(m[1], m[2]));
    y[1] = add(m[3], sub(m[1], m[2]));
  }
};

template <>
struct OutputTransform<4, 1> {
  static inline void apply(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec sum1 = add(m[1], m[2]), difference1 = sub(m[1], m[2]);
    const Vec sum2 = add(m[3], m[4]), difference2 = sub(m[3], m[4]);
    y[0] = add(m[0], add(sum1, sum2));
    y[1] = fma(splat(kRoot2), difference2, mul(splat(kHalfRoot2), difference1));
    y[2] = fma(splat(2.f), sum2, mul(splat(0.5f), sum1));
    y[3] = fma(splat(2.f * kRoot2), difference2, fma(splat(0.5f * kHalfRoot2), difference1, m[5]));
  }
};

template <>
struct OutputTransform<2, 2> {
  static inline void apply(const Vec (&m)[3], Vec (&y)[2]) {
    y[0] = add(m[0], m[1]);
    y[1] = add(m[2], m[1]);
  }
};

template <>
struct OutputTransform<4, 2> {
  static inline void apply(const Vec (&m)[5], Vec (&y)[4]) {
    const Vec sum1 = add(m[0], m[1]), difference1 = sub(m[0], m[1]);
    const Vec sum2 = add(m[2], m[3]), difference2 = sub(m[2], m[3]);
    y[0] = add(sum1, sum2);
    y[1] = fma(splat(1.25f), difference2, mul(splat(0.5f), difference1));
    y[2] = fma(splat(1.5625f), sum2, mul(splat(0.25f), sum1));
    y[3] = fma(splat(1.953125f), difference2, fma(splat(0.125f), difference1, m[4]));
  }
};

// Both, over the samples of an axis: those that are transformed, and after them those that are not.
template <int M, int Stride>
struct Axis {
  static constexpr int kFrequencies = WinogradTile{M, Stride}.n();  // from one row of them to the next
  static constexpr int kOutputs = M, kSamples = kFrequencies, kStep = M * Stride;
  static constexpr int kCopied = Stride == 1 ? 0 : M, kTransformed = kSamples - kCopied;
  static constexpr bool kNarrow = false;
  static constexpr int transformed(int i) { return i * Stride; }
  static constexpr int copied(int i) { return i * Stride + 1; }
  static constexpr int frequency(int i) { return i; }

  static inline void input(const Vec (&d)[kTransformed], Vec (&t)[kTransformed]) {
    InputTransform<M, Stride>::apply(d, t);
  }
  static inline void output(const Vec (&m)[kSamples], Vec (&y)[M]) {
    Vec transformed[kTransformed];
#pragma GCC unroll 6
    for (int i = 0; i < kTransformed; ++i) transformed[i] = m[i];
    OutputTransform<M, Stride>::apply(transformed, y);
#pragma GCC unroll 4
    for (int i = 0; i < kCopied; ++i) y[i] = add(y[i], m[kTransformed + i]);
  }
};

struct NarrowAxis {
  static constexpr int kFrequencies = WinogradTile{4, 1}.n();
  static constexpr int kOutputs = NarrowWinograd::kOutputs, kSamples = NarrowWinograd::kSamples, kStep = kOutputs;
  static constexpr int kCopied = 0, kTransformed = kSamples;
  static constexpr bool kNarrow = true;
  static constexpr int transformed(int i) { return i; }
  static constexpr int copied(int i) { return i; }
  static constexpr int frequency(int i) { return NarrowWinograd::frequency(i); }

  // F(2) divides by -1/2, 1, 1 and 1 where F(4) does by 1, -3/2, -3/2 and 1.
  static inline void input(const Vec (&d)[kSamples], Vec (&t)[kSamples]) {
    const Vec even = mul(splat(-1.5f), d[2]);
    t[0] = fma(splat(-2.f), d[2], d[0]);
    t[1] = fma(splat(-1.5f * kHalfRoot2), d[1], even);
    t[2] = fma(splat(1.5f * kHalfRoot2), d[1], even);
    t[3] = fma(splat(-0.5f), d[1], d[3]);
  }
  static inline void output(const Vec (&m)[kSamples], Vec (&y)[kOutputs]) {
    y[0] = add(m[0], add(m[1], m[2]));
    y[1] = fma(splat(kHalfRoot2), sub(m[1], m[2]), m[3]);
  }
};

// Tiles ahead whose pixels are asked for. Rows of tiles are short streams, six or more at a time and new ones for every
// block of channels: where the input is not in the second cache, hardware prefetchers find each stream too late.
constexpr int kTilesAhead = 4;

template <typename Rows, typename Cols>
void winograd_input(const WinogradInputArgs& args) {
  constexpr int TR = Rows::kTransformed, TC = Cols::kTransformed;
  // A narrow column of tiles has read its left pixels and asked for the others with the tiles beside it.
  if constexpr (!Cols::kNarrow) {
    const float* soon = args.x + (kTilesAhead * Cols::kStep + Cols::kSamples - Cols::kStep) * kLanes;
#pragma GCC unroll 9
    for (int row = 0; row < Rows::kSamples; ++row) {
#pragma GCC unroll 8
      for (int col = 0; col < Cols::kStep; ++col) prefetch(soon + col * kLanes);
      soon += args.x_row_stride;
    }
  }
  const float* x = args.x;
  ptrdiff_t row_stride = args.x_row_stride;
  // A tile that hangs over the input is completed with zeros first.
  alignas(64) float completed[Rows::kSamples * Cols::kSamples * kLanes];
  if (args.rows < Rows::kSamples || args.cols < Cols::kSamples) {
    for (int row = 0; row < Rows::kSamples; ++row) {
      for (int col = 0; col < Cols::kSamples; ++col) {
        const bool inside = row < args.rows && col < args.cols;
        store(completed + (row * Cols::kSamples + col) * kLanes,
              inside ? load(x + row * row_stride + col * kLanes) : splat(0.f));
      }
    }
    x = completed;
    row_stride = Cols::kSamples * kLanes;
  }
  const ptrdiff_t v_stride = args.v_stride, v_row_stride = Cols::kFrequencies * v_stride;
  Vec half[TR][TC];
#pragma GCC unroll 6
  for (int col = 0; col < TC; ++col) {
    Vec d[TR], t[TR];
#pragma GCC unroll 6
    for (int row = 0; row < TR; ++row)
      d[row] = load(x + Rows::transformed(row) * row_stride + Cols::transformed(col) * kLanes);
    Rows::input(d, t);
#pragma GCC unroll 6
    for (int row = 0; row < TR; ++row) half[row][col] = t[row];
  }
  float* v = args.v;
#pragma GCC unroll 6
  for (int row = 0; row < TR; ++row) {
    Vec t[TC];
    Cols::input(half[row], t);
#pragma GCC unroll 6
    for (int col = 0; col < TC; ++col)
      store(v + Rows::frequency(row) * v_row_stride + Cols::frequency(col) * v_stride, t[col]);
  }
  // Columns and rows that are transformed along themselves only, and the pixels where they meet.
#pragma GCC unroll 4
  for (int col = 0; col < Cols::kCopied; ++col) {
    Vec d[TR], t[TR];
#pragma GCC unroll 6
    for (int row = 0; row < TR; ++row)
      d[row] = load(x + Rows::transformed(row) * row_stride + Cols::copied(col) * kLanes);
    Rows::input(d, t);
#pragma GCC unroll 6
    for (int row = 0; row < TR; ++row) store(v + row * v_row_stride + (TC + col) * v_stride, t[row]);
  }
#pragma GCC unroll 4
  for (int row = 0; row < Rows::kCopied; ++row) {
    const float* line = x + Rows::copied(row) * row_stride;
    float* to = v + (TR + row) * v_row_stride;
    Vec d[TC], t[TC];
#pragma GCC unroll 6
    for (int col = 0; col < TC; ++col) d[col] = load(line + Cols::transformed(col) * kLanes);
    Cols::input(d, t);
#pragma GCC unroll 6
    for (int col = 0; col < TC; ++col) store(to + col * v_stride, t[col]);
#pragma GCC unroll 4
    for (int col = 0; col < Cols::kCopied; ++col)
      store(to + (TC + col) * v_stride, load(line + Cols::copied(col) * kLanes));
  }
}

template <typename Rows, typename Cols>
void winograd_output(const WinogradOutputArgs& args) {
  constexpr int R = Rows::kOutputs, C = Cols::kOutputs;
  Vec half[R][Cols::kSamples];
#pragma GCC unroll 9
  for (int col = 0; col < Cols::kSamples; ++col) {
    Vec m[Rows::kSamples], y[R];
#pragma GCC unroll 9
    for (int row = 0; row < Rows::kSamples; ++row) {
      m[row] = load(args.m + (Rows::frequency(row) * Cols::kFrequencies + Cols::frequency(col)) * args.m_stride);
    }
    Rows::output(m, y);
#pragma GCC unroll 4
    for (int row = 0; row < R; ++row) half[row][col] = y[row];
  }
  const Vec bias = load(args.bias);
  Epilogue e = args.epilogue;
  float* out = args.y;
  for (int row = 0; row < args.rows; ++row) {
    Vec y[C], acc[C][1];
    Cols::output(half[row], y);
#pragma GCC unroll 4
    for (int col = 0; col < C; ++col) acc[col][0] = add(y[col], bias);
    if (args.cols == C) {
      finish<C, 1>(acc, e, out, args.y_pixel_stride, 0, kLanes);
    } else {
      Epilogue pixel = e;
      for (int col = 0; col < args.cols; ++col) {
        Vec one[1][1] = {{acc[col][0]}};
        finish<1, 1>(one, pixel, out + col * args.y_pixel_stride, args.y_pixel_stride, 0, kLanes);
        if (pixel.residual != nullptr) pixel.residual += e.residual_pixel_stride;
        if (pixel.gate != nullptr) pixel.gate += e.gate_pixel_stride;
      }
    }
    out += args.y_row_stride;
    if (e.residual != nullptr) e.residual += args.residual_row_stride;
    if (e.gate != nullptr) e.gate += args.gate_row_stride;
  }
}

// G, rows by frequency.
template <int M, int Stride>
struct WeightTransform;
template <>
struct WeightTransform<2, 1> {
  static constexpr double g[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
};
template <>
struct WeightTransform<4, 1> {
  static constexpr double r = 1.4142135623730951;
  static constexpr double g[6][3] = {{1, 0, 0},
                                     {-2. / 3, -r / 3, -1. / 3},
                                     {-2. / 3, r / 3, -1. / 3},
                                     {1. / 6, r / 6, 1. / 3},
                                     {1. / 6, -r / 6, 1. / 3},
                                     {0, 0, 1}};
};
// The last row is that of all samples that are not transformed.
template <>
struct WeightTransform<2, 2> {
  static constexpr double g[4][3] = {{1, 0, 0}, {1, 0, 1}, {0, 0, 1}, {0, 1, 0}};
};
template <>
struct WeightTransform<4, 2> {
  static constexpr double g[6][3] = {{-16. / 21, 0, -8. / 21},
                                     {16. / 21, 0, -8. / 21},
                                     {32. / 105, 0, 8. / 21},
                                     {-32. / 105, 0, 8. / 21},
                                     {0, 0, 1},
                                     {0, 1, 0}};
};

// Loops over channels are innermost, for the compiler to vectorise: doubles are no business of Vec.
template <int M, int Stride>
void winograd_weights(const lanewise::WinogradWeightsArgs& args) {
  constexpr int N = WinogradTile{M, Stride}.panels(), kTogether = static_cast<int>(lanewise::kWinogradWeights);
  using G = WeightTransform<M, Stride>;
  const int count = static_cast<int>(args.count);
  double taps[9][kTogether] = {}, half[N][3][kTogether];
  for (int o = 0; o < count; ++o) {
    for (int t = 0; t < 9; ++t) taps[t][o] = args.w[o * args.w_stride + t];
  }
  for (int i = 0; i < N; ++i) {
    for (int col = 0; col < 3; ++col) {
      for (int o = 0; o < kTogether; ++o) {
        half[i][col][o] = G::g[i][0] * taps[col][o] + G::g[i][1] * taps[3 + col][o] + G::g[i][2] * taps[6 + col][o];
      }
    }
  }
  float* u = args.u;
  for (int i = 0; i < N; ++i) {
    for (int j = 0; j < N; ++j, u += args.u_stride) {
      float row[kTogether];
      for (int o = 0; o < kTogether; ++o) {
        row[o] =
            static_cast<float>(half[i][0][o] * G::g[j][0] + half[i][1][o] * G::g[j][1] + half[i][2][o] * G::g[j][2]);
      }
      if (count == kTogether) {
        for (int o = 0; o < kTogether; ++o) u[o] = row[o];
      } else {
        for (int o = 0; o < count; ++o) u[o] = row[o];
      }
    }
  }
}

template <typename Rows, typename Cols>
void fill_winograd_tile(KernelTable* table, int index) {
  table->winograd_input[index] = winograd_input<Rows, Cols>;
  table->winograd_output[index] = winograd_output<Rows, Cols>;
}

template <int M, int Stride>
void fill_winograd_tile(KernelTable* table) {
  constexpr WinogradTile tile{M, Stride};
  fill_winograd_tile<Axis<M, Stride>, Axis<M, Stride>>(table, tile.index());
  table->winograd_weights[tile.index()] = winograd_weights<M, Stride>;
  if constexpr (tile.narrows()) {
    fill_winograd_tile<NarrowAxis, Axis<M, Stride>>(table, tile.index(true, false));
    fill_winograd_tile<Axis<M, Stride>, NarrowAxis>(table, tile.index(false, true));
    fill_winograd_tile<NarrowAxis, NarrowAxis>(table, tile.index(true, true));
  }
}

void fill_winograd_tiles(KernelTable* table) {
  fill_winograd_tile<2, 1>(table);
  fill_winograd_tile<4, 1>(table);
  fill_winograd_tile<2, 2>(table);
  fill_winograd_tile<4, 2>(table);
}

}  // namespace
