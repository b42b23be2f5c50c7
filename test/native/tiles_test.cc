// The dense microkernel: every tile of every ISA around its edges, against sums in double.
#include <algorithm>
#include <string>
#include <vector>

#include "check.h"
#include "epilogue_cases.h"
#include "guarded_buffer.h"
#include "kernels/table.h"
#include "reference.h"

namespace lanewise::test {
namespace {

// A product of pixels and output channels, before it is cut into tiles. Which tiles compute it must not matter.
struct Problem {
  size_t pixels, channels, depth = 0;
  ptrdiff_t x_pixel_stride;
  std::vector<Run> runs;
  std::vector<float> x, weights, bias;  // weights [channel][run element]
  ptrdiff_t origin = 0;                 // of pixel 0 in x
  EpilogueCase epilogue;
  Numbers numbers;

  struct Span {
    ptrdiff_t first, end;  // elements of x that pixels [pixel, pixel + count) read; empty when there are no runs
  };
  Span Read(size_t pixel, size_t count) const {
    Span span{0, 0};
    for (size_t r = 0; r < runs.size(); ++r) {
      const ptrdiff_t first = origin + static_cast<ptrdiff_t>(pixel) * x_pixel_stride + runs[r].offset;
      const ptrdiff_t end =
          first + static_cast<ptrdiff_t>(count - 1) * x_pixel_stride + static_cast<ptrdiff_t>(runs[r].count);
      span = r == 0 ? Span{first, end} : Span{std::min(span.first, first), std::max(span.end, end)};
    }
    return span;
  }

  Bounded Expected(size_t pixel, size_t channel) const {
    double sum = bias[channel], magnitude = std::fabs(sum);
    size_t element = 0;
    for (const Run& run : runs) {
      for (size_t k = 0; k < run.count; ++k, ++element) {
        const ptrdiff_t at =
            origin + static_cast<ptrdiff_t>(pixel) * x_pixel_stride + run.offset + static_cast<ptrdiff_t>(k);
        const double product = static_cast<double>(x[static_cast<size_t>(at)]) * weights[channel * depth + element];
        sum += product;
        magnitude += std::fabs(product);
      }
    }
    return epilogue.Finish(SumOf(sum, magnitude, depth), pixel, channel);
  }
  bool Exact() const { return numbers == Numbers::kIntegers && epilogue.Exact(); }
};

Problem MakeProblem(size_t variant, size_t pixels, size_t channels, size_t run_count, size_t longest, ptrdiff_t stride,
                    Numbers numbers, Random& random) {
  Problem p;
  p.pixels = pixels;
  p.channels = channels;
  p.x_pixel_stride = stride;
  p.numbers = numbers;
  for (size_t r = 0; r < run_count; ++r) {
    // Before the pixel too: a tap in the border to the left.
    p.runs.push_back({static_cast<ptrdiff_t>(random.Below(81)) - 40, 1 + (variant + 5 * r) % longest});
    p.depth += p.runs.back().count;
  }
  const Problem::Span span = p.Read(0, pixels);
  p.origin = -span.first;
  p.x = Values(static_cast<size_t>(span.end - span.first), static_cast<uint32_t>(random.Next()), numbers);
  p.weights = Values(channels * p.depth, static_cast<uint32_t>(random.Next()), numbers);
  p.bias = Values(channels, static_cast<uint32_t>(random.Next()), numbers);
  if (numbers == Numbers::kReals) {
    // Sums stay where the activations bend.
    for (float& w : p.weights) w *= 0.02f;
  }
  p.epilogue = EpilogueCase::Make(variant, pixels, channels, numbers, random);
  return p;
}

// Runs the tile of `vectors` x `count` pixels at (pixel, channel) of the problem; every operand lies between guard
// pages. The result goes to `y`, [pixels][channels]. With `in_place` the residual is the output's own memory.
void RunTile(const KernelTable& table, const Problem& p, size_t pixel, size_t count, size_t channel, size_t vectors,
             size_t variant, Guard guard, bool in_place, std::vector<float>* y) {
  const auto lanes = static_cast<size_t>(table.lanes);
  const size_t here = std::min(vectors * lanes, p.channels - channel), last_lanes = here - (vectors - 1) * lanes;
  const Problem::Span span = p.Read(pixel, count);
  GuardedBuffer x(static_cast<size_t>(span.end - span.first), guard);
  std::copy_n(p.x.begin() + span.first, x.size(), x.begin());
  // Lanes past the last channel stay poison: nothing of them may be seen.
  GuardedBuffer weights(p.depth * vectors * lanes, guard), bias(vectors * lanes, guard);
  for (size_t k = 0; k < p.depth; ++k)
    for (size_t c = 0; c < here; ++c) weights[k * vectors * lanes + c] = p.weights[(channel + c) * p.depth + k];
  std::copy_n(p.bias.begin() + static_cast<ptrdiff_t>(channel), here, bias.begin());

  const TileLayout layout = TileLayout::Make(variant, count, vectors, lanes, last_lanes);
  TileMemory out(count, vectors, lanes, last_lanes, layout, guard);
  PlacedEpilogue placed(p.epilogue, pixel, count, channel, vectors, lanes, last_lanes, variant / 2, guard);
  if (in_place && p.epilogue.residual_kind == Residual::kBefore) {
    for (size_t m = 0; m < count; ++m)
      for (size_t c = 0; c < here; ++c) out.At(m, c) = p.epilogue.residual[(pixel + m) * p.channels + channel + c];
    placed.epilogue.residual = out.data();
    placed.epilogue.residual_pixel_stride = layout.pixel_stride;
    placed.epilogue.residual_block_stride = layout.block_stride;
  }

  TileArgs args{};
  const ptrdiff_t first = p.origin + static_cast<ptrdiff_t>(pixel) * p.x_pixel_stride - span.first;
  args.x = p.runs.empty() ? nullptr : x.data() + first;
  args.x_pixel_stride = p.x_pixel_stride;
  args.runs = p.runs.data();
  args.run_count = p.runs.size();
  args.weights = weights.data();
  args.bias = bias.data();
  args.y = out.data();
  args.y_pixel_stride = layout.pixel_stride;
  args.y_block_stride = layout.block_stride;
  args.last_lanes = last_lanes;
  args.epilogue = placed.epilogue;
  // Whichever of the three is not there, or not for so many lanes, the first one is.
  TileKernel kernel = table.tile[vectors - 1][count - 1];
  const size_t which = (variant + variant / kActCount + count) % 3;  // every one with every activation
  const TileKernel half = (which == 1 ? table.lower_tile : table.paired_tile)[vectors - 1][count - 1];
  if (which != 0 && half != nullptr && last_lanes <= lanes / 2) kernel = half;
  kernel(args);

  CHECK(out.Strays() == 0, "%s tile %zux%zu last lanes %zu layout %zu: wrote outside its output", table.isa, count,
        vectors, last_lanes, variant % 4);
  for (size_t m = 0; m < count; ++m)
    for (size_t c = 0; c < here; ++c) (*y)[(pixel + m) * p.channels + channel + c] = out.At(m, c);
}

size_t MaxPixels(const KernelTable& table, size_t vectors) {
  size_t pixels = kMaxTilePixels;
  while (pixels > 0 && table.tile[vectors - 1][pixels - 1] == nullptr) --pixels;
  return pixels;
}

TEST(TileTablesAreComplete) {
  struct Shape {
    const char* isa;
    size_t pixels[kMaxTileVectors];
    size_t row_pixels[4];  // depthwise, grouped, depthwise squares of 3 and 5
  };
  // What the registers hold: 28 accumulators of AVX-512's 32, 12 of AVX2's 16, 12 pairs of NEON's 32.
  const Shape shapes[] = {{"scalar", {4, 2, 1, 1}, {4, 4, 4, 2}},
                          {"avx2", {12, 6, 4, 3}, {12, 8, 12, 10}},
                          {"avx512", {28, 14, 9, 6}, {14, 14, 14, 14}},
                          {"amx", {28, 14, 9, 6}, {14, 14, 14, 14}},
                          {"neon", {12, 6, 4, 3}, {12, 8, 12, 10}}};
  for (const KernelTable* table : Tables()) {
    const auto* shape = std::find_if(std::begin(shapes), std::end(shapes),
                                     [&](const Shape& s) { return std::strcmp(s.isa, table->isa) == 0; });
    CHECK(shape != std::end(shapes), "%s", table->isa);
    if (shape == std::end(shapes)) continue;
    for (size_t n = 0; n < kMaxTileVectors; ++n) {
      for (size_t m = 0; m < kMaxTilePixels; ++m) {
        const bool fits = m < shape->pixels[n];
        CHECK((table->tile[n][m] != nullptr) == fits, "%s tile %zux%zu", table->isa, m + 1, n + 1);
        CHECK((table->lower_tile[n][m] != nullptr) == (fits && table->lanes == 16), "%s lower tile %zux%zu", table->isa,
              m + 1, n + 1);
        CHECK((table->paired_tile[n][m] != nullptr) == (fits && table->lanes == 16 && n > 0), "%s paired tile %zux%zu",
              table->isa, m + 1, n + 1);
      }
    }
    for (size_t m = 0; m < kMaxRowPixels; ++m) {
      CHECK((table->depthwise[m] != nullptr) == (m < shape->row_pixels[0]), "%s depthwise %zu", table->isa, m + 1);
      CHECK((table->grouped[m] != nullptr) == (m < shape->row_pixels[1]), "%s grouped %zu", table->isa, m + 1);
      for (size_t side = 0; side < 2; ++side)
        for (size_t stride = 0; stride < 2; ++stride)
          CHECK((table->depthwise_square[side][stride][m] != nullptr) == (m < shape->row_pixels[2 + side]),
                "%s depthwise square %zu", table->isa, m + 1);
    }
  }
}

TEST(EveryTileAgainstDouble) {
  const size_t variants = QuickLevel() ? 12 : 48;
  uint64_t seed = 0;
  for (const KernelTable* table : Tables()) {
    const auto lanes = static_cast<size_t>(table->lanes);
    double worst = 0;
    for (size_t vectors = 1; vectors <= kMaxTileVectors; ++vectors) {
      for (size_t pixels = 1; pixels <= MaxPixels(*table, vectors); ++pixels) {
        for (size_t variant = 0; variant < variants; ++variant) {
          Random random(++seed);
          const size_t last_lanes = 1 + (variant + pixels) % lanes;
          const size_t strides[] = {1, lanes, 2 * lanes, 2 * random.Below(20) + 1};
          const auto stride = static_cast<ptrdiff_t>(strides[random.Below(4)]);
          const Numbers numbers = variant / kActCount % 2 == 0 ? Numbers::kIntegers : Numbers::kReals;
          const Problem p = MakeProblem(variant, pixels, (vectors - 1) * lanes + last_lanes, random.Below(5), lanes + 3,
                                        stride, numbers, random);
          std::vector<Bounded> want;
          for (size_t m = 0; m < pixels; ++m)
            for (size_t c = 0; c < p.channels; ++c) want.push_back(p.Expected(m, c));
          for (Guard guard : kBothGuards) {
            std::vector<float> y(pixels * p.channels, kNan);
            RunTile(*table, p, 0, pixels, 0, vectors, variant, guard, variant % 5 == 0, &y);
            for (size_t i = 0; i < y.size(); ++i) {
              const bool good = IsExpected(y[i], want[i], p.Exact());
              CHECK(good, "%s tile %zux%zu variant %zu pixel %zu channel %zu: %.9g, not %.9g", table->isa, pixels,
                    vectors, variant, i / p.channels, i % p.channels, y[i], want[i].value);
              if (!good) break;
              if (!p.Exact() && want[i].bound > 0) {
                worst = std::max(worst, std::fabs(y[i] - want[i].value) / want[i].bound);
              }
            }
          }
        }
      }
    }
    std::printf("  %-8s at %.2f of the bound\n", table->isa, worst);
  }
}

// One result, whatever the tile and the ISA: the order of the sum is part of the contract.
TEST(TilesAgreeToTheBit) {
  for (size_t variant = 0; variant < 2 * kActCount; ++variant) {
    Random random(900 + variant);
    const Problem p = MakeProblem(variant, 29, 53, 3, 19, 5, Numbers::kReals, random);
    std::vector<float> first;
    for (const KernelTable* table : Tables()) {
      std::vector<float> first_here;
      const auto lanes = static_cast<size_t>(table->lanes);
      for (size_t vectors = 1; vectors <= kMaxTileVectors; ++vectors) {
        for (size_t most = 1; most <= MaxPixels(*table, vectors); ++most) {
          std::vector<float> y(p.pixels * p.channels, kNan);
          for (size_t c = 0; c < p.channels; c += vectors * lanes) {
            const size_t here = std::min(vectors, (p.channels - c + lanes - 1) / lanes);
            for (size_t m = 0; m < p.pixels; m += most) {
              RunTile(*table, p, m, std::min(most, p.pixels - m), c, here, variant, Guard::kAfter, false, &y);
            }
          }
          if (first_here.empty()) first_here = y;
          CHECK(SameBits(first_here, y), "%s variant %zu tile %zux%zu: other bits than 1x1", table->isa, variant, most,
                vectors);
          if (QuickLevel() && most > 2) break;
        }
      }
      if (!IsFused(*table)) continue;
      if (first.empty()) first = first_here;
      CHECK(SameBits(first, first_here), "%s variant %zu: other bits than the first fused ISA", table->isa, variant);
    }
  }
}

// The order itself, not only that all keep one: bias first, then the runs with one multiply-add per element.
TEST(TilesAddInTheOrderOfTheContract) {
  Random random(1);
  Problem p = MakeProblem(0, 5, 21, 3, 19, 3, Numbers::kReals, random);
  p.epilogue.scaled = false;
  p.epilogue.residual_kind = Residual::kNone;
  p.epilogue.gate_kind = Gate::kNone;
  std::vector<float> want;
  for (size_t m = 0; m < p.pixels; ++m) {
    for (size_t c = 0; c < p.channels; ++c) {
      float sum = p.bias[c];
      size_t element = 0;
      for (const Run& run : p.runs) {
        for (size_t k = 0; k < run.count; ++k, ++element) {
          const auto at =
              p.origin + static_cast<ptrdiff_t>(m) * p.x_pixel_stride + run.offset + static_cast<ptrdiff_t>(k);
          sum = std::fma(p.x[static_cast<size_t>(at)], p.weights[c * p.depth + element], sum);
        }
      }
      want.push_back(sum);
    }
  }
  for (const KernelTable* table : Tables()) {
    if (!IsFused(*table)) continue;
    const auto lanes = static_cast<size_t>(table->lanes);
    std::vector<float> y(want.size(), kNan);
    for (size_t c = 0; c < p.channels; c += lanes)
      for (size_t m = 0; m < p.pixels; ++m) RunTile(*table, p, m, 1, c, 1, 0, Guard::kAfter, false, &y);
    CHECK(SameBits(want, y), "%s", table->isa);
  }
}

// NaN in one pixel reaches all channels of that pixel and nothing else, through every activation.
TEST(NanStaysInItsPixel) {
  for (const KernelTable* table : Tables()) {
    const auto lanes = static_cast<size_t>(table->lanes);
    for (size_t variant = 0; variant < kActCount; ++variant) {
      Random random(variant);
      const size_t pixels = MaxPixels(*table, 2);
      const size_t channels = variant % 2 == 0 ? 2 * lanes : lanes + lanes / 2;
      Problem p = MakeProblem(variant, pixels, channels, 1, 7, 64, Numbers::kReals, random);
      const size_t sick = pixels / 2;
      p.x[static_cast<size_t>(p.Read(sick, 1).first)] = kNan;
      std::vector<float> y(pixels * p.channels, 0);
      RunTile(*table, p, 0, pixels, 0, 2, variant, Guard::kAfter, false, &y);
      size_t wrong = 0;
      for (size_t i = 0; i < y.size(); ++i) wrong += std::isnan(y[i]) != (i / p.channels == sick);
      CHECK(wrong == 0, "%s activation %zu: %zu wrong", table->isa, variant, wrong);
    }
  }
}

}  // namespace
}  // namespace lanewise::test
