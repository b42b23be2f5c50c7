// The kernel for small groups: every row length of every ISA, its fast paths (three columns at stride 1 and 2) and its
// general one, against sums in double.
#include <algorithm>
#include <cmath>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "epilogue_cases.h"
#include "kernels/table.h"
#include "reference.h"

namespace lanewise::test {
namespace {

constexpr size_t kHalf = 8;  // the shortest vector

struct Problem {
  size_t pixels, kernel_rows, kernel_cols, stride, dilation, depth, rows, cols;
  std::vector<size_t> source;           // [depth][channel]: which input channel the lane reads
  std::vector<float> x, weights, bias;  // x [channel][row][col], weights [ky][j][kx][channel]
  EpilogueCase epilogue;
  Numbers numbers;

  double Weight(size_t ky, size_t j, size_t kx, size_t channel) const {
    return weights[((ky * depth + j) * kernel_cols + kx) * kChannels + channel];
  }
  Bounded Expected(size_t pixel, size_t channel) const {
    double sum = bias[channel], magnitude = std::fabs(sum);
    for (size_t ky = 0; ky < kernel_rows; ++ky)
      for (size_t j = 0; j < depth; ++j)
        for (size_t kx = 0; kx < kernel_cols; ++kx) {
          const size_t from = source[j * kChannels + channel];
          const double value = x[(from * rows + ky) * cols + kx * dilation + pixel * stride];
          sum += value * Weight(ky, j, kx, channel);
          magnitude += std::fabs(value * Weight(ky, j, kx, channel));
        }
    return epilogue.Finish(SumOf(sum, magnitude, kernel_rows * kernel_cols * depth), pixel, channel);
  }
  bool Exact() const { return numbers == Numbers::kIntegers && epilogue.Exact(); }
};

// How lanes choose their input channels.
enum class Choice {
  kGroups,      // equal groups of `depth` inputs and outputs
  kMultiplier,  // one input for two neighbouring outputs
  kAny,         // anything within half of the longest vector
};

Problem MakeProblem(size_t variant, size_t pixels, size_t cols, size_t stride, Choice choice, Numbers numbers,
                    uint64_t seed) {
  Random random(seed);
  Problem p;
  p.pixels = pixels;
  p.kernel_cols = cols;
  p.kernel_rows = 1 + random.Below(4);
  p.stride = stride;
  p.dilation = 1 + random.Below(4) / 3;
  p.depth = choice == Choice::kGroups       ? size_t{1} << random.Below(4)
            : choice == Choice::kMultiplier ? 1
                                            : 1 + random.Below(9);
  p.rows = p.kernel_rows;
  p.cols = (pixels - 1) * stride + (cols - 1) * p.dilation + 1;
  p.numbers = numbers;
  for (size_t j = 0; j < p.depth; ++j) {
    for (size_t c = 0; c < kChannels; ++c) {
      const size_t lane = c % kHalf;
      const size_t from = choice == Choice::kGroups       ? lane / p.depth * p.depth + j
                          : choice == Choice::kMultiplier ? lane / 2
                                                          : random.Below(kHalf);
      p.source.push_back(c - lane + from);
    }
  }
  p.x = Values(kChannels * p.rows * p.cols, static_cast<uint32_t>(random.Next()), numbers);
  p.weights = Values(p.kernel_rows * p.depth * cols * kChannels, static_cast<uint32_t>(random.Next()), numbers);
  p.bias = Values(kChannels, static_cast<uint32_t>(random.Next()), numbers);
  if (numbers == Numbers::kReals) {
    for (float& w : p.weights) w *= 0.02f;
  }
  p.epilogue = EpilogueCase::Make(variant, pixels, kChannels, numbers, random);
  return p;
}

// Computes all pixels with kernels of at most `most` pixels.
std::vector<float> Run(const KernelTable& table, const Problem& p, size_t most, size_t variant, Guard guard) {
  const auto lanes = static_cast<size_t>(table.lanes);
  BlockedPlanes x(table, p.rows, p.cols, variant % 2, guard);
  x.Set(p.x);
  std::vector<float> y(p.pixels * kChannels, kNan);
  for (size_t block = 0; block < x.blocks(); ++block) {
    const size_t channel = block * lanes, taps = p.kernel_rows * p.kernel_cols;
    GuardedBuffer weights(taps * p.depth * lanes, guard), bias(lanes, guard);
    std::vector<int32_t> index;
    for (size_t i = 0; i < taps * p.depth; ++i)
      for (size_t l = 0; l < lanes; ++l) weights[i * lanes + l] = p.weights[i * kChannels + channel + l];
    for (size_t j = 0; j < p.depth; ++j)
      for (size_t l = 0; l < lanes; ++l)
        index.push_back(static_cast<int32_t>(p.source[j * kChannels + channel + l] % lanes));
    std::copy_n(p.bias.begin() + static_cast<ptrdiff_t>(channel), lanes, bias.begin());
    std::vector<ptrdiff_t> row_offsets;
    for (size_t ky = 0; ky < p.kernel_rows; ++ky) row_offsets.push_back(static_cast<ptrdiff_t>(ky) * x.row_stride());
    for (size_t pixel = 0; pixel < p.pixels; pixel += most) {
      const size_t count = std::min(most, p.pixels - pixel);
      const TileLayout layout = {static_cast<ptrdiff_t>(lanes * (1 + variant % 3)), 0};
      TileMemory out(count, 1, lanes, lanes, layout, guard);
      const PlacedEpilogue placed(p.epilogue, pixel, count, channel, 1, lanes, lanes, variant, guard);
      GroupedArgs args{};
      args.x = x.block(block) + pixel * p.stride * lanes;
      args.x_pixel_stride = static_cast<ptrdiff_t>(p.stride * lanes);
      args.x_tap_stride = static_cast<ptrdiff_t>(p.dilation * lanes);
      args.row_offsets = row_offsets.data();
      args.kernel_rows = p.kernel_rows;
      args.kernel_cols = p.kernel_cols;
      args.index = index.data();
      args.depth = p.depth;
      args.weights = weights.data();
      args.bias = bias.data();
      args.y = out.data();
      args.y_pixel_stride = layout.pixel_stride;
      args.epilogue = placed.epilogue;
      table.grouped[count - 1](args);
      CHECK(out.Strays() == 0, "%s grouped %zu: wrote outside its output", table.isa, count);
      for (size_t m = 0; m < count; ++m)
        for (size_t l = 0; l < lanes; ++l) y[(pixel + m) * kChannels + channel + l] = out.At(m, l);
    }
  }
  return y;
}

size_t MaxPixels(const KernelTable& table) {
  size_t pixels = kMaxRowPixels;
  while (pixels > 0 && table.grouped[pixels - 1] == nullptr) --pixels;
  return pixels;
}

constexpr size_t kKernelCols[] = {1, 3, 5};
constexpr Choice kChoices[] = {Choice::kGroups, Choice::kMultiplier, Choice::kAny};

TEST(EveryGroupedRowAgainstDouble) {
  uint64_t seed = 0;
  for (size_t pixels = 1; pixels <= kMaxRowPixels; ++pixels)
    for (size_t cols : kKernelCols)
      for (size_t stride : {1, 2, 3})
        for (Choice choice : kChoices)
          for (size_t variant = 0; variant < kActCount; variant += QuickLevel() ? 5 : 1) {
            const Numbers numbers = (variant + pixels) % 2 == 0 ? Numbers::kIntegers : Numbers::kReals;
            const Problem p = MakeProblem(variant, pixels, cols, stride, choice, numbers, ++seed);
            for (const KernelTable* table : Tables()) {
              if (table->grouped[pixels - 1] == nullptr) continue;
              const std::vector<float> y = Run(*table, p, pixels, variant, kBothGuards[seed / 2 % 2]);
              for (size_t i = 0; i < y.size(); ++i) {
                const Bounded want = p.Expected(i / kChannels, i % kChannels);
                const bool good = IsExpected(y[i], want, p.Exact());
                CHECK(good,
                      "%s %zu pixels, kernel %zux%zu, stride %zu, dilation %zu, depth %zu, element %zu: %.9g, not %.9g",
                      table->isa, pixels, p.kernel_rows, cols, stride, p.dilation, p.depth, i, y[i], want.value);
                if (!good) break;
              }
            }
          }
}

// Lanes of a long vector may read any lane of it.
TEST(GroupedLanesReadTheWholeVector) {
  for (const KernelTable* table : Tables()) {
    const auto lanes = static_cast<size_t>(table->lanes);
    for (size_t cols : kKernelCols) {
      Problem p = MakeProblem(0, MaxPixels(*table), cols, 1, Choice::kAny, Numbers::kIntegers, cols);
      Random random(cols);
      for (size_t i = 0; i < p.source.size(); ++i) p.source[i] = i % kChannels / lanes * lanes + random.Below(lanes);
      const std::vector<float> y = Run(*table, p, p.pixels, 0, Guard::kAfter);
      for (size_t i = 0; i < y.size(); ++i) {
        const Bounded want = p.Expected(i / kChannels, i % kChannels);
        CHECK(IsExpected(y[i], want, true), "%s kernel columns %zu element %zu: %g, not %g", table->isa, cols, i, y[i],
              want.value);
      }
    }
  }
}

TEST(GroupedRowsAgreeToTheBit) {
  uint64_t seed = 70000;
  for (size_t cols : kKernelCols)
    for (size_t stride : {1, 2})
      for (Choice choice : kChoices)
        for (size_t variant = 0; variant < kActCount; ++variant) {
          const Problem p = MakeProblem(variant, 29, cols, stride, choice, Numbers::kReals, ++seed);
          std::vector<float> first;
          for (const KernelTable* table : Tables()) {
            const std::vector<float> one = Run(*table, p, 1, variant, Guard::kAfter);
            const size_t most = 2 + seed % (MaxPixels(*table) - 1);
            CHECK(SameBits(one, Run(*table, p, most, variant, Guard::kAfter)), "%s: %zu pixels at once give other bits",
                  table->isa, most);
            if (!IsFused(*table)) continue;
            if (first.empty()) first = one;
            CHECK(SameBits(first, one), "%s kernel columns %zu stride %zu: other bits than the first fused ISA",
                  table->isa, cols, stride);
          }
        }
}

TEST(GroupedAddsInTheOrderOfTheContract) {
  for (size_t cols : kKernelCols) {
    Problem p = MakeProblem(0, 4, cols, 1, Choice::kAny, Numbers::kReals, cols);
    p.epilogue.scaled = false;
    p.epilogue.residual_kind = Residual::kNone;
    p.epilogue.gate_kind = Gate::kNone;
    std::vector<float> want;
    for (size_t m = 0; m < p.pixels; ++m) {
      for (size_t c = 0; c < kChannels; ++c) {
        float sum = p.bias[c];
        for (size_t ky = 0; ky < p.kernel_rows; ++ky)
          for (size_t j = 0; j < p.depth; ++j)
            for (size_t kx = 0; kx < p.kernel_cols; ++kx) {
              const size_t from = p.source[j * kChannels + c];
              const float x = p.x[(from * p.rows + ky) * p.cols + kx * p.dilation + m * p.stride];
              sum = std::fma(x, static_cast<float>(p.Weight(ky, j, kx, c)), sum);
            }
        want.push_back(sum);
      }
    }
    for (const KernelTable* table : Tables()) {
      if (!IsFused(*table)) continue;
      CHECK(SameBits(want, Run(*table, p, p.pixels, 0, Guard::kAfter)), "%s kernel columns %zu", table->isa, cols);
    }
  }
}

}  // namespace
}  // namespace lanewise::test
