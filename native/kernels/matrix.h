// Types of the kernels for a matrix unit that multiplies bfloat16 and adds float32 (AMX). Absent from the tables of
// ISAs without one.
//
// A float32 has 24 significant bits, a bfloat16 has 8: x = x0 + x1 + x2 with three bfloat16 parts, largest first. Of
// the nine products of two such sums the six largest are added up,
//   x*w ~ x0*w0 + x0*w1 + x1*w0 + x0*w2 + x1*w1 + x2*w0,
// and what is left out is below 2^-23 of |x*w|: float32 precision at a third of the unit's bfloat16 rate and still more
// than twice that of the multiply-add units. (G. Henry, P. Tang, A. Heinecke: Leveraging the bfloat16 Artificial
// Intelligence Datatype For Higher-Precision Computations, ARITH 2019.) An infinite element has no such parts: what it
// touches becomes NaN.
//
// "Split" pixels and weights are arrays of float-sized pairs of bfloat16; strides and offsets count those pairs. A
// pixel of one part is kPairs pairs, pair i being channel i of one block and of the next: the unit sums over 32
// channels a step.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {

constexpr int kParts = 3;
constexpr int kPairs = 16;                      // of a split pixel, and channels of a block
constexpr int kMatrixTile = kPairs * kPairs;    // pairs of a tile: 16 split pixels, or the weights of 32 x 16 channels
constexpr int kMaxMatrixVectors = 2;            // output vectors per kernel
constexpr int kMatrixPixels[] = {64, 32};       // pixels that a kernel of 1 and of 2 vectors computes at once
constexpr int kMatrixSlack = kMatrixPixels[0];  // split pixels after the last that a kernel may read (not use)

// parts[p][pixel] = part p of (x0[pixel], x1[pixel])
struct SplitArgs {
  const float* x0;  // one block of channels
  const float* x1;  // the next; null where there is none
  ptrdiff_t pixel_stride;
  size_t pixels;
  size_t lanes0, lanes1;  // channels in each; lanes past them count as zero
  float* parts;
  ptrdiff_t part_stride;
};
using SplitKernel = void (*)(const SplitArgs&);

// Weights lie in memory as float32, [step][vector][16 rows][2][16 output channels]: row i has the weights of channel i
// of the first block and of the second. They are split shortly before use, for a copy split in advance would be half as
// large again and come no faster from the third cache.
//   parts[step][part][vector][kMatrixTile]
struct SplitWeightsArgs {
  const float* weights;  // null: nothing to do
  float* parts;
  size_t steps;
  int vectors;
};
using SplitWeightsKernel = void (*)(const SplitWeightsArgs&);

// y[pixel][n] = epilogue(bias[n] + sum over steps s: split x[offsets[s] + pixel] * w[s][...][n]). A sum may be taken in
// several calls. Pixels lie in one sequence in x; where each is in y, if anywhere, is told by tables that cover whole
// groups of kMatrixPixels.
struct MatrixConvArgs {
  const float* x;  // split
  ptrdiff_t part_stride;
  const ptrdiff_t* offsets;
  size_t steps;
  const float* weights;   // split
  SplitWeightsArgs next;  // split on the way, where the vector units would be idle
  float* sums;            // of suspended calls: vectors * lanes for each pixel of whole groups
  bool resume, suspend;   // begin with the sums; end with them, without an epilogue
  const float* bias;
  size_t pixels;
  const uint16_t* inside;  // all ones for a pixel of y, zero for one that is dropped
  float* y;
  const ptrdiff_t* y_offsets;
  ptrdiff_t y_block_stride;
  int vectors;
  size_t last_lanes;  // lanes of the last vector that are stored
  Epilogue epilogue;  // its pixel strides are not used:
  const ptrdiff_t* residual_offsets;
  const ptrdiff_t* gate_offsets;
};
using MatrixConvKernel = void (*)(const MatrixConvArgs&);

struct MatrixKernels {
  SplitKernel split;
  SplitWeightsKernel split_weights;
  MatrixConvKernel conv[kMaxMatrixVectors];  // [vectors - 1]
};

}  // namespace lanewise
