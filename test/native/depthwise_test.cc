// The depthwise kernel: every row length of every ISA, against sums in double.
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

struct Tap {
  size_t row, col;
};

// What is missing of a window's rows and columns, which the border around an input would be.
struct Border {
  size_t top = 0, left = 0, bottom = 0, right = 0;
};

// kChannels channels of a plane, in however many blocks the ISA has for them.
struct Problem {
  size_t pixels, rows, cols, stride;
  size_t square = 0;  // taps per side where they form a dense square, which has kernels of its own
  Border border;      // of squares: x begins behind it
  std::vector<Tap> taps;
  std::vector<float> x, weights, bias;  // x [channel][row][col], weights [tap][channel]
  EpilogueCase epilogue;
  Numbers numbers;

  Bounded Expected(size_t pixel, size_t channel) const {
    double sum = bias[channel], magnitude = std::fabs(sum);
    for (size_t t = 0; t < taps.size(); ++t) {
      const size_t row = taps[t].row - border.top, col = taps[t].col + pixel * stride - border.left;
      if (row >= rows || col >= cols) continue;
      const double product =
          static_cast<double>(x[(channel * rows + row) * cols + col]) * weights[t * kChannels + channel];
      sum += product;
      magnitude += std::fabs(product);
    }
    return epilogue.Finish(SumOf(sum, magnitude, taps.size()), pixel, channel);
  }
  bool Exact() const { return numbers == Numbers::kIntegers && epilogue.Exact(); }
};

Problem MakeProblem(size_t variant, size_t pixels, size_t taps, size_t stride, Numbers numbers, uint64_t seed) {
  Random random(seed);
  Problem p;
  p.pixels = pixels;
  p.stride = stride;
  p.numbers = numbers;
  p.rows = 1 + random.Below(5);
  const size_t window = 1 + random.Below(6);
  p.cols = (pixels - 1) * stride + window;
  // Any offsets will do: kernels know nothing of rows and dilation.
  for (size_t t = 0; t < taps; ++t) p.taps.push_back({random.Below(p.rows), random.Below(window)});
  // The corners, so that both guards are one element away from what is read.
  if (taps > 1) p.taps.front() = {0, 0}, p.taps.back() = {p.rows - 1, window - 1};
  p.x = Values(kChannels * p.rows * p.cols, static_cast<uint32_t>(random.Next()), numbers);
  p.weights = Values(taps * kChannels, static_cast<uint32_t>(random.Next()), numbers);
  p.bias = Values(kChannels, static_cast<uint32_t>(random.Next()), numbers);
  if (numbers == Numbers::kReals) {
    for (float& w : p.weights) w *= 0.05f;
  }
  p.epilogue = EpilogueCase::Make(variant, pixels, kChannels, numbers, random);
  return p;
}

// All taps of a square, which a problem of MakeProblem must have as many as.
Problem MakeSquare(size_t variant, size_t pixels, size_t side, size_t stride, Numbers numbers, uint64_t seed,
                   const Border& border = {}) {
  Problem p = MakeProblem(variant, pixels, side * side, stride, numbers, seed);
  p.square = side;
  p.border = border;
  p.rows = side - border.top - border.bottom;
  p.cols = (pixels - 1) * stride + side - border.left - border.right;
  p.x = Values(kChannels * p.rows * p.cols, static_cast<uint32_t>(seed), numbers);
  for (size_t t = 0; t < side * side; ++t) p.taps[t] = {t / side, t % side};
  return p;
}

const DepthwiseKernel* Kernels(const KernelTable& table, const Problem& p) {
  return p.square == 0 ? table.depthwise : table.depthwise_square[p.square == 5][p.stride - 1];
}

// Computes all pixels with kernels of at most `most` pixels.
std::vector<float> Run(const KernelTable& table, const Problem& p, size_t most, size_t variant, Guard guard) {
  const auto lanes = static_cast<size_t>(table.lanes);
  BlockedPlanes x(table, p.rows, p.cols, variant % 2, guard);
  x.Set(p.x);
  std::vector<float> y(p.pixels * kChannels, kNan);
  for (size_t block = 0; block < x.blocks(); ++block) {
    const size_t channel = block * lanes;
    GuardedBuffer weights(p.taps.size() * lanes, guard), bias(lanes, guard);
    for (size_t t = 0; t < p.taps.size(); ++t)
      for (size_t l = 0; l < lanes; ++l) weights[t * lanes + l] = p.weights[t * kChannels + channel + l];
    std::copy_n(p.bias.begin() + static_cast<ptrdiff_t>(channel), lanes, bias.begin());
    std::vector<ptrdiff_t> offsets;
    for (const Tap& tap : p.taps) {
      offsets.push_back(static_cast<ptrdiff_t>(tap.row) * x.row_stride() + static_cast<ptrdiff_t>(tap.col * lanes));
    }
    const Border& border = p.border;
    const float* const origin = x.block(block) - static_cast<ptrdiff_t>(border.top) * x.row_stride() -
                                static_cast<ptrdiff_t>(border.left * lanes);
    for (size_t pixel = 0; pixel < p.pixels; pixel += most) {
      const size_t count = std::min(most, p.pixels - pixel);
      const TileLayout layout = {static_cast<ptrdiff_t>(lanes * (1 + variant % 3)), 0};
      TileMemory out(count, 1, lanes, lanes, layout, guard);
      const PlacedEpilogue placed(p.epilogue, pixel, count, channel, 1, lanes, lanes, variant, guard);
      DepthwiseArgs args{};
      args.x = origin + pixel * p.stride * lanes;
      args.x_pixel_stride = static_cast<ptrdiff_t>(p.stride * lanes);
      args.offsets = offsets.data();
      args.taps = offsets.size();
      args.weights = weights.data();
      args.bias = bias.data();
      args.y = out.data();
      args.y_pixel_stride = layout.pixel_stride;
      args.epilogue = placed.epilogue;
      const auto window = static_cast<int>((count - 1) * p.stride + p.square);
      const auto before = static_cast<int>(border.left) - static_cast<int>(pixel * p.stride);
      args.first_row = static_cast<int>(border.top);
      args.end_row = static_cast<int>(border.top + p.rows);
      args.first_col = std::max(0, before);
      args.end_col = std::min(window, before + static_cast<int>(p.cols));
      Kernels(table, p)[count - 1](args);
      CHECK(out.Strays() == 0, "%s depthwise %zu: wrote outside its output", table.isa, count);
      for (size_t m = 0; m < count; ++m)
        for (size_t l = 0; l < lanes; ++l) y[(pixel + m) * kChannels + channel + l] = out.At(m, l);
    }
  }
  return y;
}

size_t MaxPixels(const DepthwiseKernel* kernels) {
  size_t pixels = kMaxRowPixels;
  while (pixels > 0 && kernels[pixels - 1] == nullptr) --pixels;
  return pixels;
}

void CheckRow(const Problem& p, size_t variant) {
  for (const KernelTable* table : Tables()) {
    if (Kernels(*table, p)[p.pixels - 1] == nullptr) continue;
    for (Guard guard : kBothGuards) {
      const std::vector<float> y = Run(*table, p, p.pixels, variant, guard);
      for (size_t i = 0; i < y.size(); ++i) {
        const Bounded want = p.Expected(i / kChannels, i % kChannels);
        const bool good = IsExpected(y[i], want, p.Exact());
        CHECK(good, "%s %zu pixels, %zu taps%s, stride %zu, variant %zu, element %zu: %.9g, not %.9g", table->isa,
              p.pixels, p.taps.size(), p.square ? " in a square" : "", p.stride, variant, i, y[i], want.value);
        if (!good) break;
      }
    }
  }
}

TEST(EveryDepthwiseRowAgainstDouble) {
  const size_t variants = QuickLevel() ? kActCount : 6 * kActCount;
  for (size_t pixels = 1; pixels <= kMaxRowPixels; ++pixels) {
    for (size_t variant = 0; variant < variants; ++variant) {
      const Numbers numbers = variant / kActCount % 2 == 0 ? Numbers::kIntegers : Numbers::kReals;
      const size_t taps = 1 + (variant * 7 + pixels) % 25, stride = 1 + (variant / 3 + pixels) % 4;
      const Problem p = MakeProblem(variant, pixels, taps, stride, numbers, 1000 * pixels + variant);
      CheckRow(p, variant);
    }
  }
}

TEST(EveryDepthwiseSquareAgainstDouble) {
  const size_t variants = QuickLevel() ? 2 : 2 * kActCount;
  for (size_t pixels = 1; pixels <= kMaxRowPixels; ++pixels) {
    for (size_t variant = 0; variant < variants; ++variant) {
      for (size_t shape = 0; shape < 4; ++shape) {
        const Numbers numbers = variant % 2 == 0 ? Numbers::kIntegers : Numbers::kReals;
        const uint64_t seed = 10000 * shape + 1000 * pixels + variant;
        CheckRow(MakeSquare(variant, pixels, shape % 2 ? 5 : 3, 1 + shape / 2, numbers, seed), variant);
      }
    }
  }
}

// Every border a row can have, read from memory that has none of it.
TEST(DepthwiseSquaresLeaveOutWhatIsNotThere) {
  for (size_t shape = 0; shape < 4; ++shape) {
    const size_t side = shape % 2 ? 5 : 3, stride = 1 + shape / 2, edges = side / 2 + 1;
    for (size_t pixels = 1; pixels <= kMaxRowPixels; pixels += QuickLevel() ? 3 : 1) {
      // Any rows may be missing, all of them as well.
      for (size_t top = 0; top <= side; ++top) {
        for (size_t i = 0; i < edges * edges; ++i) {
          const Border border = {top, i % edges, (i + pixels) % (side - top + 1), i / edges};
          const uint64_t seed = 10000 * shape + 1000 * pixels + 100 * top + i;
          CheckRow(MakeSquare(i, pixels, side, stride, Numbers::kReals, seed, border), i);
        }
      }
    }
  }
}

// Whatever kernels compute a row, and however many pixels at once: one answer per problem.
TEST(DepthwiseSquaresAreTheGeneralKernel) {
  for (size_t shape = 0; shape < 4; ++shape) {
    const Problem p = MakeSquare(shape, 29, shape % 2 ? 5 : 3, 1 + shape / 2, Numbers::kReals, shape);
    Problem general = p;
    general.square = 0;
    for (const KernelTable* table : Tables()) {
      const std::vector<float> want = Run(*table, general, 1, 0, Guard::kAfter);
      for (size_t most = 1; most <= MaxPixels(Kernels(*table, p)); ++most) {
        CHECK(SameBits(want, Run(*table, p, most, 0, Guard::kAfter)), "%s shape %zu, %zu pixels", table->isa, shape,
              most);
      }
    }
  }
}

TEST(DepthwiseRowsAgreeToTheBit) {
  for (size_t variant = 0; variant < 2 * kActCount; ++variant) {
    const Problem p = MakeProblem(variant, 29, 1 + variant, 1 + variant % 2, Numbers::kReals, variant);
    std::vector<float> first;
    for (const KernelTable* table : Tables()) {
      const std::vector<float> one = Run(*table, p, 1, variant, Guard::kAfter);
      for (size_t most = 2; most <= MaxPixels(table->depthwise); ++most) {
        CHECK(SameBits(one, Run(*table, p, most, variant, Guard::kAfter)),
              "%s variant %zu: %zu pixels at once give other bits", table->isa, variant, most);
      }
      if (!IsFused(*table)) continue;
      if (first.empty()) first = one;
      CHECK(SameBits(first, one), "%s variant %zu: other bits than the first fused ISA", table->isa, variant);
    }
  }
}

TEST(DepthwiseAddsInTheOrderOfTheContract) {
  Problem p = MakeProblem(0, 5, 25, 1, Numbers::kReals, 1);
  p.epilogue.scaled = false;
  p.epilogue.residual_kind = Residual::kNone;
  p.epilogue.gate_kind = Gate::kNone;
  std::vector<float> want;
  for (size_t m = 0; m < p.pixels; ++m) {
    for (size_t c = 0; c < kChannels; ++c) {
      float sum = p.bias[c];
      for (size_t t = 0; t < p.taps.size(); ++t) {
        const float x = p.x[(c * p.rows + p.taps[t].row) * p.cols + p.taps[t].col + m * p.stride];
        sum = std::fma(x, p.weights[t * kChannels + c], sum);
      }
      want.push_back(sum);
    }
  }
  for (const KernelTable* table : Tables()) {
    if (IsFused(*table)) CHECK(SameBits(want, Run(*table, p, p.pixels, 0, Guard::kAfter)), "%s", table->isa);
  }
}

}  // namespace
}  // namespace lanewise::test
