// What this machine can do: instruction sets that the CPU has and the operating system saves, and cache sizes.
// Compiled at the baseline, so that it runs everywhere.
#pragma once
#include <cstddef>

namespace lanewise {

struct Features {
  bool avx2 = false;              // AVX2 + FMA
  bool avx512 = false;            // F, BW, DQ, VL
  bool amx = false;               // AMX-TILE, AMX-BF16, with avx512; the system lets this process use the tiles
  bool neon = false;              // AArch64
  bool avx512_in_halves = false;  // 512 bits take both units of 256: a multiply-add a cycle, not two (Zen 4)
};
const Features& DetectedFeatures();

struct CacheSizes {
  size_t l1_bytes, l2_bytes, l3_bytes;  // of one core; common values where the system does not tell
};
const CacheSizes& Caches();

}  // namespace lanewise
