// Lanes of several source blocks into one output block: a channel shuffle, or a concatenation or split at a channel
// that is no multiple of the block. One permutation per source and pixel, everything else stays in registers.
#pragma once
#include "kernels/contract.h"

namespace {

using lanewise::PermuteLanesArgs;

template <int kSources>
inline void permute_lanes_few(const PermuteLanesArgs& args) {
  const Index first = load_index(args.index);
  const Index second = load_index(args.index + (kSources > 1 ? kLanes : 0));
  const float* a = args.sources[0];
  const float* b = args.sources[kSources > 1 ? 1 : 0];
  for (size_t i = 0; i < args.pixels; ++i) {
    Vec v = permute(load(a + i * kLanes), first);
    if (kSources > 1) v = permute2(v, load(b + i * kLanes), second);
    store(args.y + i * kLanes, v);
  }
}

// kPixels pixels share every index vector and overlap their chains of permutations.
template <int kPixels>
inline void permute_lanes_many(const PermuteLanesArgs& args, size_t pixel) {
  Vec v[kPixels];
  const Index first = load_index(args.index);
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) {
    v[p] = permute(load(args.sources[0] + (pixel + static_cast<size_t>(p)) * kLanes), first);
  }
  for (size_t s = 1; s < args.source_count; ++s) {
    const Index index = load_index(args.index + s * kLanes);
    const float* x = args.sources[s] + pixel * kLanes;
#pragma GCC unroll 4
    for (int p = 0; p < kPixels; ++p) v[p] = permute2(v[p], load(x + p * kLanes), index);
  }
#pragma GCC unroll 4
  for (int p = 0; p < kPixels; ++p) store(args.y + (pixel + static_cast<size_t>(p)) * kLanes, v[p]);
}

inline void permute_lanes(const PermuteLanesArgs& args) {
  if (args.source_count == 1) return permute_lanes_few<1>(args);
  if (args.source_count == 2) return permute_lanes_few<2>(args);
  size_t i = 0;
  for (; i + 4 <= args.pixels; i += 4) permute_lanes_many<4>(args, i);
  for (; i < args.pixels; ++i) permute_lanes_many<1>(args, i);
}

}  // namespace
