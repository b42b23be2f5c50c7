// Spatial kernels on every ISA of the machine: transposition, resizing, lane movement. Operands end (or begin) at an
// inaccessible page, and outputs are checked around what was to be written.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "guarded_buffer.h"
#include "kernels/table.h"
#include "reference.h"

namespace lanewise::test {
namespace {

TEST(TransposeMovesEveryElementAndNoOther) {
  for (const KernelTable* table : Tables()) {
    const size_t lanes = static_cast<size_t>(table->lanes);
    const size_t extents[] = {1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 23, 8 * lanes + 3};
    for (size_t rows : extents)
      for (size_t cols : extents)
        for (size_t gap : {0, 5})
          for (Guard guard : kBothGuards) {
            const size_t ldx = cols + gap, ldy = rows + gap;
            GuardedBuffer x((rows - 1) * ldx + cols, guard), y((cols - 1) * ldy + rows, guard);
            for (size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i);
            for (size_t i = 0; i < y.size(); ++i) y.data()[i] = kUntouched;
            table->transpose(x.data(), static_cast<ptrdiff_t>(ldx), y.data(), static_cast<ptrdiff_t>(ldy), rows, cols);
            size_t wrong = 0;
            for (size_t i = 0; i < y.size(); ++i) {
              const size_t r = i % ldy, c = i / ldy;
              wrong += y.data()[i] != (r < rows ? static_cast<float>(r * ldx + c) : kUntouched);
            }
            CHECK(wrong == 0, "%s %zux%zu gap %zu: %zu wrong", table->isa, rows, cols, gap, wrong);
          }
  }
}

TEST(TransposeTakesNegativeStrides) {
  for (const KernelTable* table : Tables()) {
    const size_t rows = 19, cols = 21;
    std::vector<float> x(rows * cols), y(rows * cols);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
    table->transpose(x.data() + (rows - 1) * cols, -static_cast<ptrdiff_t>(cols), y.data(), rows, rows, cols);
    size_t wrong = 0;
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = 0; c < cols; ++c) wrong += y[c * rows + r] != x[(rows - 1 - r) * cols + c];
    CHECK(wrong == 0, "%s: %zu wrong", table->isa, wrong);
  }
}

// ---- resizing

TEST(LinearResizeRows) {
  uint32_t seed = 1000;
  for (size_t width : {1, 2, 3, 7, 13})
    for (size_t outputs : {1, 2, 5, 13, 31})
      for (Numbers numbers : {Numbers::kIntegers, Numbers::kReals})
        for (Guard guard : kBothGuards) {
          Random random(++seed);
          // Quarters are exact in float, and so is everything made of small integers and them.
          const auto weight = [&]() {
            return numbers == Numbers::kIntegers ? static_cast<float>(random.Below(5)) / 4 : random.Uniform(0, 1);
          };
          const std::vector<float> values = Values(kChannels * 2 * width, seed, numbers);
          std::vector<size_t> left, right;
          std::vector<float> weights;
          for (size_t o = 0; o < outputs; ++o) {
            left.push_back(random.Below(width));
            right.push_back(std::min(left.back() + 1, width - 1));
            weights.push_back(weight());
          }
          const float down = weight();
          std::vector<Expected> expected;
          for (size_t c = 0; c < kChannels; ++c) {
            const float* top = &values[c * 2 * width];
            const float* bottom = top + width;
            for (size_t o = 0; o < outputs; ++o) {
              const double w = weights[o], v = down, w0 = 1.f - weights[o], v0 = 1.f - down;
              const double l = top[left[o]] * v0 + bottom[left[o]] * v, r = top[right[o]] * v0 + bottom[right[o]] * v;
              // Two roundings per combination without fused multiply-add, of at most 16 in magnitude each.
              expected.push_back({l * w0 + r * w, numbers == Numbers::kIntegers ? 0 : 6 * 16 * kRounding});
            }
          }
          Comparison comparison;
          for (const KernelTable* table : Tables()) {
            const int32_t lanes = table->lanes;
            BlockedPlanes x(*table, 2, width, 1, guard), y(*table, 1, outputs, 0, guard);
            x.Set(values);
            std::vector<ResizeColumn> columns;
            for (size_t o = 0; o < outputs; ++o) {
              columns.push_back({static_cast<int32_t>(left[o]) * lanes, static_cast<int32_t>(right[o]) * lanes,
                                 1.f - weights[o], weights[o]});
            }
            for (size_t b = 0; b < x.blocks(); ++b) {
              const ResizeRowArgs args{
                  {x.block(b), x.block(b) + x.row_stride()}, {1.f - down, down}, columns.data(), y.block(b), outputs};
              table->resize_row_linear(args);
            }
            comparison.Check(*table, y.Get(), expected,
                             "linear " + std::to_string(width) + ">" + std::to_string(outputs));
          }
        }
}

TEST(GatherOfPixels) {
  for (size_t width : {1, 2, 7})
    for (size_t outputs : {0, 1, 2, 9, 31})
      for (Guard guard : kBothGuards) {
        const std::vector<float> values = Values(kChannels * width, 7, Numbers::kReals);
        std::vector<Expected> expected;
        for (size_t c = 0; c < kChannels; ++c)
          for (size_t o = 0; o < outputs; ++o) expected.push_back({values[c * width + o * 5 % width], 0});
        for (const KernelTable* table : Tables()) {
          BlockedPlanes x(*table, 1, width, 0, guard), y(*table, 1, outputs, 0, guard);
          x.Set(values);
          std::vector<int32_t> offsets;
          for (size_t o = 0; o < outputs; ++o) offsets.push_back(static_cast<int32_t>(o * 5 % width) * table->lanes);
          for (size_t b = 0; b < x.blocks(); ++b) table->gather_pixels(x.block(b), offsets.data(), y.block(b), outputs);
          Comparison().Check(*table, y.Get(), expected, "gather");
        }
      }
}

// ---- lanes

TEST(PermutationOfLanes) {
  uint32_t seed = 5000;
  for (const KernelTable* table : Tables()) {
    const size_t lanes = static_cast<size_t>(table->lanes);
    for (size_t source_count : {size_t{1}, size_t{2}, size_t{3}, size_t{5}, lanes})
      for (size_t pixels : {1, 2, 3, 4, 5, 7, 8, 13})
        for (Guard guard : kBothGuards) {
          Random random(++seed);
          std::vector<std::unique_ptr<GuardedBuffer>> blocks;
          std::vector<const float*> sources;
          for (size_t s = 0; s < source_count; ++s) {
            blocks.push_back(std::make_unique<GuardedBuffer>(pixels * lanes, guard));
            for (size_t i = 0; i < pixels * lanes; ++i) blocks.back()->data()[i] = static_cast<float>(s * 1000 + i);
            sources.push_back(blocks.back()->data());
          }
          std::vector<size_t> from_source, from_lane;
          for (size_t l = 0; l < lanes; ++l) {
            from_source.push_back(random.Below(source_count));
            from_lane.push_back(random.Below(lanes));
          }
          std::vector<int32_t> index;
          for (size_t s = 0; s < source_count; ++s)
            for (size_t l = 0; l < lanes; ++l) {
              const size_t taken = from_lane[l] + (s == 0 ? 0 : lanes);
              const size_t kept = s == 0 ? 0 : l;
              index.push_back(static_cast<int32_t>(from_source[l] == s ? taken : kept));
            }
          GuardedBuffer y(pixels * lanes, guard);
          table->permute_lanes({sources.data(), source_count, index.data(), y.data(), pixels});
          size_t wrong = 0;
          for (size_t p = 0; p < pixels; ++p)
            for (size_t l = 0; l < lanes; ++l)
              wrong += y.data()[p * lanes + l] != sources[from_source[l]][p * lanes + from_lane[l]];
          CHECK(wrong == 0, "%s %zu sources, %zu pixels: %zu wrong", table->isa, source_count, pixels, wrong);
        }
  }
}

}  // namespace
}  // namespace lanewise::test
