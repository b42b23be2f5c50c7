// The kernel contract: what a kernel is given, what it may do, what it must not.
//
//  Checks      are made upstream (addon: JavaScript types; core: geometry). A kernel asserts, it never reports.
//  Memory      Nothing outside the described arrays is read or written; tails are masked or split. Packed weights and
//              arena tensors are 64-byte aligned and hold whole vectors; user memory is 4-byte aligned and does not.
//  Padded lanes of a blocked tensor (channel count no multiple of the vector) carry unspecified values. Nothing reads
//  them
//              as a value.
//  Arithmetic  acc = bias, then the taps in ascending (ky, kx, channel) order with one fused multiply-add each, then
//              the epilogue in the order of its fields. Hence AVX2, AVX-512 and NEON give the same bits. The portable
//              ("scalar") instantiation multiplies and adds with two roundings and is held to the error bound.
//              max(a, b) and min(a, b) return b when either is NaN: clamps are min(hi, max(lo, x)), so NaN survives.
//  Purity      No allocation, no globals, no locks, no change of the rounding or flush mode; any thread may call.
//  Leaf rule   Kernel files include <stddef.h>, <stdint.h>, <math.h>-free intrinsics headers, this file, table.h,
//              vec_<isa>.h and shared/*.h. No STL, no lambdas, no static initialisers, everything in an anonymous
//              namespace: an inline function that escaped with AVX encodings could be linked into baseline code.
//              scripts/check-leaves.mjs verifies it with nm.
//
// Strides and offsets are in elements, never bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace lanewise {

// Largest vector of any ISA, in floats; the channel block of a blocked (NCHWc) tensor is the ISA's own vector.
constexpr int kMaxLanes = 16;

enum class Act : int32_t {
  kNone,
  kRelu,
  kClip,         // min(beta, max(alpha, x))
  kLeakyRelu,    // x > 0 ? x : alpha*x
  kPrelu,        // the same with one slope per channel
  kHardSigmoid,  // min(1, max(0, alpha*x + beta))
  kHardSwish,    // x * hard_sigmoid(x)
  kSigmoid,
  kSilu,
  kTanh,
  kGelu,        // x/2 * (1 + erf(x/sqrt 2))
  kGeluTanh,    // x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)))
  kScaledSilu,  // silu(x) of kSiluFactor*x
};

// -log2(e), as a float. silu(x) = x / (1 + exp(-x)) takes fewer operations from y = kSiluFactor*x, as
// y / (kSiluFactor * (1 + 2^y)). A convolution has the factor in its weights.
constexpr float kSiluFactor = -0x1.715476p+0f;

enum class Unary : int32_t {
  kIdentity,
  kRelu,
  kClip,
  kLeakyRelu,
  kHardSigmoid,
  kHardSwish,
  kSigmoid,
  kSilu,
  kTanh,
  kGelu,
  kGeluTanh,
  kAbs,
  kNeg,
  kExp,
  kLog,
  kSqrt,
  kReciprocal,
  kFloor,
  kCeil,
  kRound,  // half to even
  kSign,
  kErf,
  kSoftplus,         // log(1 + exp x)
  kElu,              // x > 0 ? x : alpha*(exp x - 1)
  kMish,             // x * tanh(softplus x)
  kSelu,             // beta * elu(x)
  kThresholdedRelu,  // x > alpha ? x : 0
  kSoftsign,         // x / (1 + |x|)
  kShrink,           // x < -alpha ? x + beta : x > alpha ? x - beta : 0
  kCount,
  // Too rare for a vector kernel: core/portable_rows.h has them as loops over the C library.
  kSin = kCount,
  kCos,
  kTan,
  kAsin,
  kAcos,
  kAtan,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
};

enum class Binary : int32_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMin,
  kMax,
  kPow,
  kPrelu,
  kCount,
  // In core/portable_rows.h.
  kFmod = kCount,  // with the sign of a
  kMod,            // with the sign of b
};

// How the second operand (or the first, for the A forms) of a row is repeated.
enum class Spread : int32_t {
  kFull,     // one element per element
  kScalarB,  // b[0] for the whole row
  kScalarA,
  kLanesB,  // b[0 .. lanes) for every pixel of a blocked row
  kLanesA,
  kCount,
};

struct Activation {
  Act kind = Act::kNone;
  float alpha = 0;
  float beta = 0;
};

// What happens to an accumulator before it is stored, in the order of the fields. Vectors over output channels are
// padded to whole blocks; the tile's channels start at element 0 of each.
struct Epilogue {
  const float* scale = nullptr;  // v = v*scale + shift (both or neither)
  const float* shift = nullptr;
  const float* residual = nullptr;  // v += residual, addressed like the output with its own strides
  ptrdiff_t residual_pixel_stride = 0;
  ptrdiff_t residual_block_stride = 0;
  const float* slope = nullptr;  // per channel, for Act::kPrelu
  Activation activation;
  const float* gate = nullptr;  // v *= gate; pixel stride 0: one factor per channel
  ptrdiff_t gate_pixel_stride = 0;
  ptrdiff_t gate_block_stride = 0;
  bool add_after_activation = false;  // residual joins after the activation
};

// One run of input channels that lie side by side in memory: the K loop of a tile is a list of them.
struct Run {
  ptrdiff_t offset;  // from the pixel's address
  size_t count;
};

// The dense microkernel: MR pixels x NR vectors of output channels,
//   y[m][n] = epilogue(bias[n] + sum over runs s, k < s.count: x[s.offset + m*x_pixel_stride + k] * w[...][n])
// with w read strictly in sequence: for each run, for each k, NR vectors.
struct TileArgs {
  const float* x;
  ptrdiff_t x_pixel_stride;
  const Run* runs;
  size_t run_count;
  const float* weights;
  const float* bias;  // NR vectors, never null
  float* y;
  ptrdiff_t y_pixel_stride;
  ptrdiff_t y_block_stride;  // from one vector of channels to the next
  size_t last_lanes;         // lanes of the last vector that are stored; lanes for a whole one
  const float* prefetch;     // what is wanted soon, weights as a rule: NR lines of it for every second step of the sum
  bool prefetch_near;        // into the first cache; tiles of many pixels always, others of short vectors never
  Epilogue epilogue;
};
using TileKernel = void (*)(const TileArgs&);

// Depthwise: MR pixels x one vector of channels; tap t of pixel m is the vector at x[offsets[t] + m*x_pixel_stride].
//   y[m] = epilogue(bias + sum over t: x[...] * w[t])
// The kernels for squares of K x K taps expect them row by row, neighbours one vector apart, and pixels a stride of
// vectors apart: of `offsets` they read the first of each row, and neither `taps` nor `x_pixel_stride`. They need no
// border around the input: taps outside of it are left out.
struct DepthwiseArgs {
  const float* x;
  ptrdiff_t x_pixel_stride;
  const ptrdiff_t* offsets;
  size_t taps;
  const float* weights;  // [taps][lanes]
  const float* bias;
  float* y;
  ptrdiff_t y_pixel_stride;
  Epilogue epilogue;
  // Squares: which of the rows and columns that the MR pixels meet are in the input. All columns, but for K/2 at most
  // at either end.
  int first_row, end_row;
  int first_col, end_col;
};
using DepthwiseKernel = void (*)(const DepthwiseArgs&);

// Small groups: every lane of an output block reads `depth` channels of one input block, channel j of lane l being
// lane index[j][l]. Tap (ky, kx) of pixel m is the vector at x[row_offsets[ky] + kx*x_tap_stride + m*x_pixel_stride].
//   y[m] = epilogue(bias + sum over ky, kx, j: permute(x[...], index[j]) * w[ky][kx][j])
struct GroupedArgs {
  const float* x;
  ptrdiff_t x_pixel_stride;
  ptrdiff_t x_tap_stride;
  const ptrdiff_t* row_offsets;
  size_t kernel_rows;
  size_t kernel_cols;
  const int32_t* index;  // [depth][lanes]
  size_t depth;
  const float* weights;  // [ky][j][kx][lanes]
  const float* bias;
  float* y;
  ptrdiff_t y_pixel_stride;
  Epilogue epilogue;
};
using GroupedKernel = void (*)(const GroupedArgs&);

}  // namespace lanewise

#include "kernels/rows.h"
#include "kernels/winograd.h"
