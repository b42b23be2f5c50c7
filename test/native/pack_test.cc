// Packed weights against the order that pack.h describes, element by element; and the weights of Winograd's transform
// against its definition. Parts of a constant are packed last first: they must not need each other.
#include <cmath>
#include <string>
#include <vector>

#include "check.h"
#include "core/pack.h"
#include "core/packing.h"
#include "reference.h"
#include "winograd_points.h"

namespace lanewise::test {
namespace {

// Distinct everywhere, so that a wrong place shows.
std::vector<float> Numbered(size_t size) {
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) values[i] = static_cast<float>(i + 1);
  return values;
}

std::vector<float> Packed(const Packer& packer, const std::vector<float>& constant, size_t size) {
  std::vector<float> packed(size);
  const std::vector<Packer::Part> parts = packer.PartsOf(constant.size());
  size_t next = 0;
  for (const Packer::Part& part : parts) {
    CHECK(part.first == next, "a part begins at %zu, expected %zu", part.first, next);
    next = part.first + part.count;
  }
  CHECK(parts.empty() || next == constant.size(), "parts end at %zu of %zu", next, constant.size());
  for (size_t i = parts.size(); i-- > 0;) {
    // A copy: only what the part says may be read.
    const auto first = constant.begin() + static_cast<ptrdiff_t>(parts[i].first);
    const std::vector<float> elements(first, first + static_cast<ptrdiff_t>(parts[i].count));
    packer(i, elements.data(), packed.data());
  }
  return packed;
}

TEST(FiltersArePackedInTheOrderOfTheRuns) {
  const struct {
    int64_t channels, groups, inputs, kh, kw;
    int vectors;
  } cases[] = {{1, 1, 1, 1, 1, 1},  {64, 1, 64, 1, 1, 2}, {50, 1, 33, 1, 1, 3}, {48, 1, 17, 3, 3, 2},
               {70, 1, 3, 7, 7, 4}, {24, 3, 5, 3, 1, 2},  {30, 10, 4, 1, 5, 1}, {130, 1, 600, 1, 3, 1},
               {0, 1, 4, 3, 3, 2},  {16, 1, 0, 3, 3, 1},  {16, 1, 4, 0, 3, 1},  {200, 1, 1100, 1, 1, 2},
               {17, 1, 2, 2, 2, 4}, {96, 1, 96, 3, 3, 2}};
  for (const KernelTable* kernels : Tables()) {
    const int lanes = kernels->lanes;
    for (const auto& c : cases) {
      for (const bool columns_inside : {false, true}) {
        const FilterShape shape{c.inputs, c.kh, c.kw, columns_inside};
        const SegmentPlan cut = CutSegments(c.channels, c.groups, c.inputs, shape.size(), c.vectors, lanes, true);
        const std::vector<float> weights = Numbered(static_cast<size_t>(c.channels * shape.size()));
        std::vector<float> want(cut.weights_size);
        for (const Segment& s : cut.segments) {
          for (int64_t o = 0; o < s.count; ++o) {
            for (int64_t i = 0; i < c.inputs; ++i) {
              for (int64_t y = 0; y < c.kh; ++y) {
                for (int64_t x = 0; x < c.kw; ++x) {
                  const int64_t element =
                      columns_inside ? (y * c.inputs + i) * c.kw + x : (y * c.kw + x) * c.inputs + i;
                  want[s.weights + static_cast<size_t>(element * s.vectors * lanes + o)] =
                      weights[static_cast<size_t>((((s.channel + o) * c.inputs + i) * c.kh + y) * c.kw + x)];
                }
              }
            }
          }
        }
        const std::vector<float> got =
            Packed(PackFilters(cut.segments, shape, lanes, kernels->transpose), weights, cut.weights_size);
        CHECK(got == want, "%s: %lldx%lldx%lldx%lld in %lld groups", kernels->isa, static_cast<long long>(c.channels),
              static_cast<long long>(c.inputs), static_cast<long long>(c.kh), static_cast<long long>(c.kw),
              static_cast<long long>(c.groups));
      }
    }
  }
}

TEST(MatricesArePackedByRows) {
  const struct {
    int64_t count, depth, channels;
  } cases[] = {{1, 1, 1}, {1, 7, 50}, {3, 5, 33}, {2, 300, 260}, {1, 0, 8}, {0, 4, 8}, {1, 4, 0}, {1, 3, 70000}};
  constexpr int kLanes = 16;
  for (const auto& c : cases) {
    const SegmentPlan cut = CutSegments(c.channels, 1, c.depth, c.depth, 3, kLanes, false);
    const std::vector<float> weights = Numbered(static_cast<size_t>(c.count * c.depth * c.channels));
    std::vector<float> want(cut.weights_size * static_cast<size_t>(c.count));
    for (int64_t i = 0; i < c.count; ++i) {
      for (int64_t k = 0; k < c.depth; ++k) {
        for (const Segment& s : cut.segments) {
          for (int64_t o = 0; o < s.count; ++o) {
            want[static_cast<size_t>(i) * cut.weights_size + s.weights +
                 static_cast<size_t>(k * s.vectors * kLanes + o)] =
                weights[static_cast<size_t>((i * c.depth + k) * c.channels + s.channel + o)];
          }
        }
      }
    }
    const Packer packer = PackMatrices(cut.segments, c.count, c.depth, c.channels, kLanes, cut.weights_size);
    CHECK(Packed(packer, weights, want.size()) == want, "%lld of %lldx%lld", static_cast<long long>(c.count),
          static_cast<long long>(c.depth), static_cast<long long>(c.channels));
  }
}

TEST(LargeConstantsArePackedInParts) {
  const SegmentPlan cut = CutSegments(512, 1, 512, 512 * 9, 2, 16, true);
  const auto nothing = [](const Segment&, const float*, float*) {};
  CHECK(PackBySegments(cut.segments, 512 * 9, nothing).PartsOf(512 * 512 * 9).size() == cut.segments.size());
  CHECK(PackMatrices(cut.segments, 1, 4608, 512, 16, cut.weights_size).PartsOf(512 * 4608).size() > 30);
}

TEST(WeightsOfWinogradAreRoundedOnce) {
  for (const WinogradTile tile : kWinogradTileList) {
    const auto n = static_cast<size_t>(tile.panels());
    const std::vector<FilterRow> g = FilterTransform(tile, FinitePoints(tile));
    for (size_t count = 1; count <= static_cast<size_t>(kWinogradWeights); ++count) {
      constexpr ptrdiff_t kStride = 9 + 4;
      constexpr size_t kUStride = 23;
      Random random(count);
      std::vector<float> w(count * kStride);
      random.Fill(w, -1, 1);
      std::vector<float> first;
      for (const KernelTable* kernels : Tables()) {
        std::vector<float> u(n * n * kUStride, kNan);
        kernels->winograd_weights[tile.index()]({w.data(), kStride, count, u.data(), kUStride});
        for (size_t i = 0; i < n; ++i) {
          for (size_t j = 0; j < n; ++j) {
            const float* row = u.data() + (i * n + j) * kUStride;
            for (size_t o = 0; o < kUStride; ++o) {
              if (o >= count) {
                CHECK(std::isnan(row[o]), "%s: written beyond the channels", kernels->isa);
                continue;
              }
              double want = 0, terms = 0;
              for (size_t y = 0; y < 3; ++y) {
                for (size_t x = 0; x < 3; ++x) {
                  const double term = g[i][y] * static_cast<double>(w[o * kStride + y * 3 + x]) * g[j][x];
                  want += term;
                  terms += std::fabs(term);
                }
              }
              // The sign of a row of G is free: that of B^T goes with it. Errors in double are far below the one
              // rounding.
              const double error = std::fmin(std::fabs(row[o] - want), std::fabs(row[o] + want));
              CHECK(error <= kRounding * (std::fabs(want) + 1e-6 * terms), "%s F(%d)/%d: %g, expected %g", kernels->isa,
                    tile.m, tile.stride, static_cast<double>(row[o]), want);
            }
          }
        }
        if (first.empty()) first = u;
        CHECK(std::memcmp(first.data(), u.data(), u.size() * sizeof(float)) == 0, "%s: other bits", kernels->isa);
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::test
