// The dense microkernel, for every convolution that is not depthwise or in small groups, and for matrix products:
//
//   y[m][n] = epilogue(bias[n] + sum over runs s, k: x[s.offset + m*pixel_stride + k] * w[s][k][n])    m < MR, n < NR
//   vectors
//
// MR x NR accumulators stay in registers for the whole sum. The input is broadcast element by element, so the number of
// input channels is exact; the weights are one sequential stream, packed in the order of use (core/pack.h). Tiles that
// fit: AVX-512 28x1, 14x2, 9x3, 6x4 of 32 registers (7x4 leaves none for the broadcast and spills); AVX2 12x1, 6x2,
// 4x3, 3x4 of 16; NEON, whose vector is a register pair, 12x1, 6x2, 4x3, 3x4 pairs of 32.
//
// Where the last vector has channels in its lower half alone, there are two ways to do half of the work (Last). AVX-512
// has vectors of half the length: half the time where two 256-bit units make one of 512. Where they do not, a vector is
// made of two pixels: 24 output channels take 12 products for 8 pixels in the place of 16, and 4 blends.
//
// Addressing: MR pixels at a run-time stride would need MR address registers. Every third pixel has one and its two
// neighbours are reached by an index register at scale 1 and 2.
//
// Epilogue: bias starts the sums; scale, residual and the piecewise linear activations are applied in registers. The
// exponential ones need a dozen registers of their own, so the sums are stored and the tile, still in L1, is finished
// in a second loop: 2 of about 15 instructions per vector.
#pragma once

#include "kernels/contract.h"
#include "kernels/shared/epilogue.h"
#include "kernels/table.h"

namespace {

using lanewise::Act;
using lanewise::Epilogue;
using lanewise::Run;
using lanewise::TileArgs;

constexpr int kPixelsPerBase = 3;
// Two steps per iteration measured best on AVX-512 (14x2: 90 % of peak against 86 % with four, where the compiler
// begins to move accumulators between registers).
constexpr int kUnroll = 2;
constexpr int kLineFloats = 16;
// Tiles of so many pixels wait for products, and gain 2 to 4 % (Zen 4) where the lines they ask for come into the first
// cache. Smaller ones wait for weights: whether they gain depends on the size of that cache (PrefetchesNear in core).
// With vectors of 8 they lost 1 to 9 % on a Zen 5, and another 2 % to the question.
constexpr int kManyPixels = 10;

// The last vector: whole, or without channels in its upper half. kPairs: acc[m][NR - 1] has pixel m there and m + 1
// above it, for even m.
enum class Last { kWhole, kLower, kPairs };

template <int MR, int NR, Last last>
inline __attribute__((always_inline)) void tile_step(const float* const (&base)[(MR + 2) / kPixelsPerBase],
                                                     ptrdiff_t stride, int k, const float* w, Vec (&acc)[MR][NR]) {
  Vec b[NR];
#pragma GCC unroll 4
  for (int n = 0; n < NR; ++n) b[n] = load(w + n * kLanes);
  if constexpr (last == Last::kPairs) repeat_lower(b[NR - 1]);
  Vec left[MR];
#pragma GCC unroll 28
  for (int m = 0; m < MR; ++m) {
    const Vec a = splat(base[m / kPixelsPerBase][(m % kPixelsPerBase) * stride + k]);
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) {
      if constexpr (last == Last::kLower) {
        if (n == NR - 1) {
          accumulate_lower(acc[m][n], a, b[n]);
          continue;
        }
      }
      if constexpr (last == Last::kPairs) {
        if (n == NR - 1) {
          left[m] = a;
          if (m % 2 == 1) accumulate_pair(acc[m - 1][n], left[m - 1], a, b[n]);
          if (m % 2 == 0 && m == MR - 1) accumulate(acc[m][n], a, b[n]);
          continue;
        }
      }
      accumulate(acc[m][n], a, b[n]);
    }
  }
}

template <int MR, int NR, Last last>
void conv_tile(const TileArgs& args) {
  Vec acc[MR][NR];
#pragma GCC unroll 4
  for (int n = 0; n < NR; ++n) {
    const Vec bias = load(args.bias + n * kLanes);
#pragma GCC unroll 28
    for (int m = 0; m < MR; ++m) acc[m][n] = bias;
  }
  if constexpr (last == Last::kPairs) {
#pragma GCC unroll 28
    for (int m = 0; m < MR; m += 2) repeat_lower(acc[m][NR - 1]);
  }

  const ptrdiff_t stride = args.x_pixel_stride;
  const float* w = args.weights;
  const float* soon = args.prefetch;
  const bool near = MR >= kManyPixels || (kLanes == 16 && args.prefetch_near);
  const Run* run = args.runs;
  for (const Run* end = run + args.run_count; run != end; ++run) {
    const float* base[(MR + 2) / kPixelsPerBase];
#pragma GCC unroll 10
    for (int i = 0; i < (MR + 2) / kPixelsPerBase; ++i) {
      base[i] = args.x + run->offset + i * kPixelsPerBase * stride;
    }
    // The next run's pixels lie a block away, where no hardware prefetcher looks.
    if (run->count >= kLanes / 2 && run + 1 != end) {
      const float* next = args.x + run[1].offset;
      for (int m = 0; m < MR; ++m) {
        prefetch(next);
        next += stride;
      }
    }
    size_t count = run->count;
    for (; count >= kUnroll; count -= kUnroll) {
#pragma GCC unroll 4
      for (int k = 0; k < kUnroll; ++k) tile_step<MR, NR, last>(base, stride, k, w + k * NR * kLanes, acc);
      w += kUnroll * NR * kLanes;
#pragma GCC unroll 4
      for (int n = 0; n < NR; ++n) {
        if (near) {
          prefetch(soon + n * kLineFloats);
        } else {
          prefetch_far(soon + n * kLineFloats);
        }
      }
      soon += NR * kLineFloats;
#pragma GCC unroll 10
      for (int i = 0; i < (MR + 2) / kPixelsPerBase; ++i) base[i] += kUnroll;
    }
    for (; count > 0; --count) {
      tile_step<MR, NR, last>(base, stride, 0, w, acc);
      w += NR * kLanes;
#pragma GCC unroll 10
      for (int i = 0; i < (MR + 2) / kPixelsPerBase; ++i) base[i] += 1;
    }
  }

  if constexpr (last == Last::kPairs) {
#pragma GCC unroll 28
    for (int m = 1; m < MR; m += 2) split_pair(acc[m - 1][NR - 1], acc[m][NR - 1]);
  }
  finish<MR, NR>(acc, args.epilogue, args.y, args.y_pixel_stride, args.y_block_stride, args.last_lanes);
}

// Enters the tiles of NR vectors with 1 .. MR pixels into the table.
template <int NR, int MR, Last last = Last::kWhole>
void fill(lanewise::TileKernel (&tile)[lanewise::kMaxTileVectors][lanewise::kMaxTilePixels]) {
  tile[NR - 1][MR - 1] = conv_tile<MR, NR, last>;
  if constexpr (MR > 1) fill<NR, MR - 1, last>(tile);
}

}  // namespace
