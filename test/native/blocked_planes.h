// Blocked planes of kChannels channels for kernel tests, whatever the vector: an ISA with shorter vectors has more
// blocks. So one reference, computed in double per channel, serves every ISA, and results can be compared between them
// to the bit.
#pragma once
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "guarded_buffer.h"
#include "kernels/table.h"
#include "reference.h"

namespace lanewise::test {

constexpr size_t kChannels = kMaxLanes;
constexpr float kUntouched = 12345.f;  // wins every maximum it has no part in

enum class Numbers { kIntegers, kReals };

inline float Value(Random& random, Numbers numbers) {
  const float integer = static_cast<float>(random.Below(31)) - 15;
  return numbers == Numbers::kIntegers ? integer : integer + random.Uniform(0, 1);
}

// Planes of kChannels channels in the ISA's blocks: [block][row][col][lanes], rows `gap` pixels apart.
class BlockedPlanes {
 public:
  BlockedPlanes(const KernelTable& table, size_t rows, size_t cols, size_t gap, Guard guard)
      : lanes_(static_cast<size_t>(table.lanes)), rows_(rows), cols_(cols), row_stride_((cols + gap) * lanes_) {
    // One buffer per block, without the gap after its last row, so that every block touches the guard page.
    const size_t size = rows == 0 ? 0 : (rows - 1) * row_stride_ + cols * lanes_;
    for (size_t block = 0; block < kChannels / lanes_; ++block) {
      blocks_.push_back(std::make_unique<GuardedBuffer>(size, guard));
      for (size_t i = 0; i < size; ++i) blocks_.back()->data()[i] = kUntouched;
    }
  }
  size_t blocks() const { return blocks_.size(); }
  float* block(size_t b) { return blocks_[b]->data(); }
  ptrdiff_t row_stride() const { return static_cast<ptrdiff_t>(row_stride_); }
  float& At(size_t channel, size_t row, size_t col) {
    return block(channel / lanes_)[row * row_stride_ + col * lanes_ + channel % lanes_];
  }
  void Set(const std::vector<float>& values) {
    for (size_t c = 0, i = 0; c < kChannels; ++c)
      for (size_t r = 0; r < rows_; ++r)
        for (size_t x = 0; x < cols_; ++x) At(c, r, x) = values[i++];
  }
  std::vector<float> Get() {
    std::vector<float> values;
    for (size_t c = 0; c < kChannels; ++c)
      for (size_t r = 0; r < rows_; ++r)
        for (size_t x = 0; x < cols_; ++x) values.push_back(At(c, r, x));
    return values;
  }

 private:
  size_t lanes_, rows_, cols_, row_stride_;
  std::vector<std::unique_ptr<GuardedBuffer>> blocks_;
};

inline std::vector<float> Values(size_t count, uint32_t seed, Numbers numbers) {
  Random random(seed);
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) values.push_back(Value(random, numbers));
  return values;
}

inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// What a case expects of every element: a value and how far from it the kernel may be.
struct Expected {
  double value;
  double bound;
};

// Checks every ISA's result and that those that fuse agree to the bit.
class Comparison {
 public:
  void Check(const KernelTable& table, const std::vector<float>& result, const std::vector<Expected>& expected,
             const std::string& what) {
    CHECK(result.size() == expected.size());
    for (size_t i = 0; i < result.size() && i < expected.size(); ++i) {
      const Expected& e = expected[i];
      const bool near = Near(result[i], e.value, e.bound);
      CHECK(near, "%s %s element %zu: %.9g, not %.9g", table.isa, what.c_str(), i, result[i], e.value);
      if (!near) return;
    }
    if (!IsFused(table)) return;
    if (first_.empty()) first_ = result;
    CHECK(SameBits(first_, result), "%s %s: bits differ between ISAs", table.isa, what.c_str());
  }

 private:
  std::vector<float> first_;
};

}  // namespace lanewise::test
