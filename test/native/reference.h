// What tests compare with: reproducible numbers, distances in ulp, and the tables of this machine.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/dispatch.h"
#include "kernels/table.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

namespace lanewise::test {

constexpr double kRounding = 5.9604644775390625e-8;  // 2^-24: relative error of one rounding to float
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kSmallest = 1.1754943508222875e-38;  // normal

// The kernels of every ISA that this machine runs.
inline std::vector<const KernelTable*> Tables() {
  std::vector<const KernelTable*> tables;
  for (const std::string& isa : SupportedIsas()) {
    const KernelTable* table = nullptr;
    CHECK(FindKernels(isa, &table).ok(), "%s", isa.c_str());
    if (table != nullptr) tables.push_back(table);
  }
  return tables;
}
// ISAs with a fused multiply-add agree to the bit where the contract says so.
inline bool IsFused(const KernelTable& table) { return std::strcmp(table.isa, "scalar") != 0; }

// SplitMix64: the same numbers everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  size_t Below(size_t n) { return static_cast<size_t>(Next() % n); }
  float Uniform(float lo, float hi) {
    return lo + (hi - lo) * static_cast<float>(static_cast<double>(Next() >> 40) / (1 << 24));
  }
  template <typename Range>
  void Fill(Range&& range, float lo, float hi) {
    for (float& x : range) x = Uniform(lo, hi);
  }

 private:
  uint64_t state_;
};

// One unit in the last place of a float near x.
inline double UlpOf(double x) {
  const double magnitude = std::fabs(x);
  if (magnitude < kSmallest) return 1.401298464324817e-45;
  int exponent;
  std::frexp(magnitude, &exponent);
  return std::ldexp(1.0, exponent - 24);
}

// Distance of a result in ulp; 0 where both are the same NaN, infinity or (flushed) denormal, huge where only one is.
inline double UlpError(float got, double want) {
  constexpr double kWrong = 1e9;
  if (std::isnan(want)) return std::isnan(got) ? 0 : kWrong;
  if (std::isnan(got)) return kWrong;
  const float rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got)) {
    // One of the two may have overflowed a rounding earlier.
    const bool near = got == rounded || std::fabs(want) / std::numeric_limits<float>::max() > 1 - 1e-6;
    return near && std::signbit(got) == std::signbit(want) ? 0 : kWrong;
  }
  if (std::fabs(want) < kSmallest) return std::fabs(got - want) <= kSmallest ? 0 : kWrong;
  return std::fabs(static_cast<double>(got) - want) / UlpOf(want);
}

// Whether a result is within an absolute bound, with NaN and infinities in their places.
inline bool Near(float got, double want, double bound) {
  if (std::isnan(want)) return std::isnan(got);
  if (got == static_cast<float>(want)) return true;
  return std::fabs(static_cast<double>(got) - want) <= bound;
}

inline uint32_t BitsOf(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
// Equal bits, any two NaN being equal.
inline bool SameBits(float a, float b) { return BitsOf(a) == BitsOf(b) || (std::isnan(a) && std::isnan(b)); }

// Denormals are zeros while it lives, as they are while a plan runs.
class FlushDenormals {
 public:
#if defined(__x86_64__) || defined(_M_X64)
  FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(saved_ | 0x8040u); }
  ~FlushDenormals() { _mm_setcsr(saved_); }

 private:
  unsigned saved_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    asm volatile("msr fpcr, %0" : : "r"(saved_ | (uint64_t{1} << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }

 private:
  uint64_t saved_;
#endif
};

// Row lengths around the vector and around an unrolled loop.
inline std::vector<size_t> RowLengths(size_t lanes) {
  return {
      0, 1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, 4 * lanes - 1, 4 * lanes, 4 * lanes + 3, 9 * lanes + 5};
}

}  // namespace lanewise::test
