// Every kernel of one ISA. All ISAs instantiate the same templates (kernels/shared) over their own vector, so a table
// is always complete; a folder compiled without its flags returns null and the ISA is simply not built.
#pragma once
#include "kernels/contract.h"
#include "kernels/matrix.h"
#include "kernels/probe.h"

namespace lanewise {

constexpr int kMaxTileVectors = 4;  // NR
constexpr int kMaxTilePixels = 28;  // MR
constexpr int kMaxRowPixels = 14;   // depthwise and grouped

struct KernelTable {
  const char* isa;
  int lanes;  // floats per vector = channels per block

  // [NR-1][MR-1]; null where the accumulators would not fit the registers.
  TileKernel tile[kMaxTileVectors][kMaxTilePixels];
  // The same where no channel is in the upper half of the last vector: that of half the length, or with two pixels in
  // it (of two vectors and more). Null but for AVX-512.
  TileKernel lower_tile[kMaxTileVectors][kMaxTilePixels];
  TileKernel paired_tile[kMaxTileVectors][kMaxTilePixels];
  // [MR-1]
  DepthwiseKernel depthwise[kMaxRowPixels];
  // The same for taps that form a dense square: [K = 3, 5][stride 1, 2][MR-1].
  DepthwiseKernel depthwise_square[2][2][kMaxRowPixels];
  GroupedKernel grouped[kMaxRowPixels];

#define LANEWISE_KERNEL(type, name) type name;
#define LANEWISE_KERNEL_ARRAY(type, name, count) type name[count];
#include "kernels/kernels.inc"
#undef LANEWISE_KERNEL
#undef LANEWISE_KERNEL_ARRAY

  // Null for an ISA without a matrix unit: nothing computes only with these.
  const MatrixKernels* matrix;
};

const KernelTable* scalar_table();
const KernelTable* avx2_table();
const KernelTable* avx512_table();
const KernelTable* amx_table();
const KernelTable* neon_table();

}  // namespace lanewise
