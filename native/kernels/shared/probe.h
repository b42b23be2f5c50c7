// Fused multiply-adds and nothing else: what a core can do at most, as the yardstick of the benches.
#pragma once
#include "kernels/table.h"

namespace {

// `chains` independent accumulators hide the latency of one another (two pipes of four or five cycles) and fit the
// registers. The values run towards 1, so they stay what they are: normal numbers.
template <int chains>
size_t fma_probe(size_t rounds, float* y) {
  constexpr size_t kUnroll = 8;
  const Vec x = load(y), w = load(y + kLanes);
  Vec acc[chains];
#pragma GCC unroll 16
  for (int c = 0; c < chains; ++c) acc[c] = splat(static_cast<float>(c));
  for (size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 8
    for (size_t step = 0; step < kUnroll; ++step) {
#pragma GCC unroll 16
      for (int c = 0; c < chains; ++c) acc[c] = fma(acc[c], x, w);
    }
  }
  Vec total = acc[0];
#pragma GCC unroll 16
  for (int c = 1; c < chains; ++c) total = add(total, acc[c]);
  store(y, total);
  return rounds * kUnroll * chains * kLanes;
}

}  // namespace
