// Compiled with the flags of the amx kernels, whose source it includes with other names for the tile instructions. As
// in every such file there is nothing of the C++ library here: an inline function could be taken from here for the rest
// of the program, which may run on a processor without AVX-512.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/table.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512F__)
// GCC's headers make undefined vectors by reading an uninitialised one.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

namespace lanewise::test {
namespace {

constexpr int kTileCount = 8, kRows = 16, kWords = 16;

struct TileState {
  bool configured = false;
  uint32_t words[kTileCount][kRows][kWords];
};

// A thread's tiles are its own; without a configuration every tile instruction is a fault.
TileState& Tiles() {
  static thread_local TileState state;
  return state;
}

auto& Tile(int tile) {
  TileState& state = Tiles();
  if (!state.configured) {
    fprintf(stderr, "tile %d is used outside loadconfig and release\n", tile);
    abort();
  }
  return state.words[tile];
}

void LoadConfig(const void* config) {
  const auto* bytes = static_cast<const unsigned char*>(config);
  // The emulation knows whole tiles only.
  for (int t = 0; t < kTileCount; ++t) {
    if (bytes[0] != 1 || bytes[16 + 2 * t] != 64 || bytes[48 + t] != kRows) abort();
  }
  Tiles().configured = true;
  memset(Tiles().words, 0, sizeof Tiles().words);
}

void Release() { Tiles().configured = false; }

void Zero(int tile) { memset(Tile(tile), 0, sizeof(uint32_t) * kRows * kWords); }

void Load(int tile, const void* from, long stride) {
  for (int r = 0; r < kRows; ++r) memcpy(Tile(tile)[r], static_cast<const char*>(from) + r * stride, 64);
}

void Store(int tile, void* to, long stride) {
  for (int r = 0; r < kRows; ++r) memcpy(static_cast<char*>(to) + r * stride, Tile(tile)[r], 64);
}

// A bfloat16 in the upper half of `bits`; the unit takes denormals as zero and never makes one.
float Flushed(uint32_t bits) {
  if ((bits & 0x7f800000u) == 0) bits &= 0x80000000u;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
float Flushed(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return Flushed(bits);
}

// sums[m][n] += sum over k of pixels[m][2k] * weights[k][2n], then the same of 2k + 1, each from zero: the order of
// Intel's definition (Software Developer's Manual, TDPBF16PS).
void Multiply(int sums, int pixels, int weights) {
  for (int m = 0; m < kRows; ++m) {
    float even[kWords] = {}, odd[kWords] = {};
    for (int k = 0; k < kWords; ++k) {
      const uint32_t x = Tile(pixels)[m][k];
      for (int n = 0; n < kWords; ++n) {
        const uint32_t w = Tile(weights)[k][n];
        even[n] = Flushed(__builtin_fmaf(Flushed(x << 16), Flushed(w << 16), even[n]));
        odd[n] = Flushed(__builtin_fmaf(Flushed(x & 0xffff0000u), Flushed(w & 0xffff0000u), odd[n]));
      }
    }
    for (int n = 0; n < kWords; ++n) {
      float sum;
      memcpy(&sum, &Tile(sums)[m][n], sizeof sum);
      sum = Flushed(sum + Flushed(even[n] + odd[n]));
      memcpy(&Tile(sums)[m][n], &sum, sizeof sum);
    }
  }
}

}  // namespace
}  // namespace lanewise::test

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadconfig lanewise::test::LoadConfig
#define _tile_release lanewise::test::Release
#define _tile_zero lanewise::test::Zero
#define _tile_loadd lanewise::test::Load
#define _tile_stored lanewise::test::Store
#define _tile_dpbf16ps lanewise::test::Multiply
#define amx emulated_amx  // the namespace
#include "kernels/amx/matrix_amx.cc"
#undef amx

namespace lanewise::test {
bool FillEmulatedAmx(MatrixKernels* kernels) {
  emulated_amx::fill_matrix(kernels);
  return true;
}
}  // namespace lanewise::test
#else
namespace lanewise::test {
bool FillEmulatedAmx(MatrixKernels*) { return false; }
}  // namespace lanewise::test
#endif
