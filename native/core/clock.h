// The clock of the core that calls, right now. Processors lower it under dense vector code, and more where that code
// also loads: a share of the peak is only understood beside the clock at which either was reached.
#pragma once
#include <chrono>
#include <cstdint>

namespace lanewise {

// In steps per nanosecond of a chain in which each step, a multiplication and an addition, waits for the one before.
// That is the same number of cycles every time, so the result means something beside another one and nothing else.
// Takes two microseconds: a clock that has been lowered stays low for longer.
inline double CoreClock() {
  constexpr int kSteps = 1000;
  volatile uint64_t memory = 1;
  double fastest = 0;  // of three: the first may wait for its code, any may be interrupted
  for (int attempt = 0; attempt < 3; ++attempt) {
    uint64_t x = memory;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kSteps; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
    memory = x;
    const double ns = std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
    if (kSteps > fastest * ns) fastest = kSteps / ns;
  }
  return fastest;
}

}  // namespace lanewise
