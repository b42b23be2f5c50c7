// Spatial kernels on every ISA of the machine: transposition, pooling, resizing, lane movement.
//
// Every case describes kChannels channels, whatever the vector: an ISA with shorter vectors runs more blocks. The
// result is compared with a reference in double, channel by channel, and between the ISAs that fuse multiply and add to
// the bit. Operands end (or begin) at an inaccessible page, and outputs are checked around what was to be written.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "guarded_buffer.h"
#include "kernels/table.h"
#include "reference.h"

namespace lanewise {
namespace {

constexpr size_t kChannels = kMaxLanes;
constexpr float kUntouched = 12345.f;  // wins every maximum it has no part in

using test::IsFused;
using test::Random;
using test::Tables;

enum class Numbers { kIntegers, kReals };

float Value(Random& random, Numbers numbers) {
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

std::vector<float> Values(size_t count, uint32_t seed, Numbers numbers) {
  Random random(seed);
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) values.push_back(Value(random, numbers));
  return values;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
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
      const bool near = test::Near(result[i], e.value, e.bound);
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

// ---- pooling

struct Pooling {
  size_t width, kernel, stride, dilation, pad_left, pad_right, tap_rows;
  bool count_padding;
  size_t outputs() const {
    const size_t padded = width + pad_left + pad_right, reach = (kernel - 1) * dilation + 1;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
  }
  // Source columns of the taps of an output column, inside the image or not.
  std::vector<ptrdiff_t> Taps(size_t output) const {
    std::vector<ptrdiff_t> taps;
    for (size_t k = 0; k < kernel; ++k)
      taps.push_back(static_cast<ptrdiff_t>(output * stride + k * dilation) - static_cast<ptrdiff_t>(pad_left));
    return taps;
  }
  bool Inside(ptrdiff_t column) const { return column >= 0 && column < static_cast<ptrdiff_t>(width); }
  std::string Describe() const {
    return "w" + std::to_string(width) + " k" + std::to_string(kernel) + " s" + std::to_string(stride) + " d" +
           std::to_string(dilation) + " p" + std::to_string(pad_left) + "," + std::to_string(pad_right) + " rows " +
           std::to_string(tap_rows);
  }
};

// Runs a row on an ISA; the vertical taps are all the rows of x.
std::vector<float> RunPoolRow(const KernelTable& table, PoolRowKernel kernel, const Pooling& p,
                              const std::vector<float>& values, size_t gap, Guard guard) {
  BlockedPlanes x(table, p.tap_rows, p.width, gap, guard), y(table, 1, p.outputs(), 0, guard);
  x.Set(values);
  std::vector<PoolColumn> columns;
  PoolRowArgs args{};
  for (size_t o = 0; o < p.outputs(); ++o) {
    PoolColumn column{0, 0, 0};
    for (ptrdiff_t tap : p.Taps(o)) {
      if (p.Inside(tap) && column.taps++ == 0) column.first = static_cast<int32_t>(tap);
    }
    column.count = static_cast<float>(p.count_padding ? p.kernel : column.taps > 0 ? column.taps : 1);
    if (static_cast<size_t>(column.taps) == p.kernel) {
      if (args.full_end == 0) args.full_begin = o;
      args.full_end = o + 1;
    }
    columns.push_back(column);
  }
  args.x_row_stride = x.row_stride();
  args.tap_rows = p.tap_rows;
  args.columns = columns.data();
  args.tap_stride = static_cast<ptrdiff_t>(p.dilation) * table.lanes;
  args.kernel_cols = p.kernel;
  args.stride_cols = p.stride;
  args.row_count = 3;
  args.y_cols = p.outputs();
  for (size_t b = 0; b < x.blocks(); ++b) {
    args.x = x.block(b);
    args.y = y.block(b);
    kernel(args);
  }
  return y.Get();
}

std::vector<Expected> ExpectPoolRow(const Pooling& p, bool is_max, const std::vector<float>& values) {
  std::vector<Expected> expected;
  for (size_t c = 0; c < kChannels; ++c) {
    for (size_t o = 0; o < p.outputs(); ++o) {
      double top = -test::kInf, sum = 0, magnitude = 0;
      size_t taps = 0;
      for (ptrdiff_t tap : p.Taps(o)) {
        taps += p.Inside(tap);
        for (size_t r = 0; r < p.tap_rows && p.Inside(tap); ++r) {
          const double v = values[(c * p.tap_rows + r) * p.width + static_cast<size_t>(tap)];
          top = std::isnan(v) || v > top ? v : top;  // a NaN stays: no comparison with it holds
          sum += v;
          magnitude += std::fabs(v);
        }
      }
      const double count = 3.0 * static_cast<double>(p.count_padding ? p.kernel : taps > 0 ? taps : 1);
      const double roundings = static_cast<double>(p.kernel * p.tap_rows + 1);
      expected.push_back(is_max ? Expected{top, 0}
                                : Expected{sum / count, roundings * test::kRounding * magnitude / count});
    }
  }
  return expected;
}

std::vector<Pooling> Poolings() {
  std::vector<Pooling> cases;
  for (size_t width : {1, 2, 3, 5, 7, 13, 17, 29})
    for (size_t kernel = 1; kernel <= 5; ++kernel)
      for (size_t stride = 1; stride <= 3; ++stride)
        for (size_t dilation = 1; dilation <= 2; ++dilation)
          for (size_t pad_left : {size_t{0}, size_t{1}, kernel - 1})
            for (size_t pad_right : {size_t{0}, kernel - 1})
              for (size_t tap_rows : {0, 1, 2, 3})
                cases.push_back({width, kernel, stride, dilation, pad_left, pad_right, tap_rows, (width & 1) != 0});
  return cases;
}

void TestPoolRows(bool is_max, Numbers numbers, bool with_nan) {
  uint32_t seed = 1;
  for (const Pooling& p : Poolings()) {
    std::vector<float> values = Values(kChannels * p.tap_rows * p.width, ++seed, numbers);
    if (with_nan && !values.empty()) {
      values[seed % values.size()] = test::kNan;
      values[seed * 7 % values.size()] = test::kNan;
    }
    std::vector<Expected> expected = ExpectPoolRow(p, is_max, values);
    // Sums of small integers are exact, so the quotient is the correctly rounded one.
    if (numbers == Numbers::kIntegers) {
      for (Expected& e : expected) e = {static_cast<float>(e.value), 0};
    }
    Comparison comparison;
    for (const KernelTable* table : Tables()) {
      const PoolRowKernel kernel = is_max ? table->pool_row_max : table->pool_row_average;
      const std::vector<float> result =
          RunPoolRow(*table, kernel, p, values, seed % 3, seed % 2 ? Guard::kBefore : Guard::kAfter);
      if (with_nan) {
        // Bits of a NaN are the ISA's own affair.
        Comparison().Check(*table, result, expected, p.Describe());
      } else {
        comparison.Check(*table, result, expected, p.Describe());
      }
    }
  }
}

TEST(MaxPoolingIsExact) { TestPoolRows(true, Numbers::kReals, false); }
TEST(MaxPoolingLetsNanWin) { TestPoolRows(true, Numbers::kReals, true); }
TEST(AveragePoolingOfIntegersIsExact) { TestPoolRows(false, Numbers::kIntegers, false); }
TEST(AveragePoolingStaysInItsBound) { TestPoolRows(false, Numbers::kReals, false); }

TEST(PlaneReductions) {
  uint32_t seed = 100;
  for (bool is_max : {false, true})
    for (bool with_nan : {false, true})
      for (size_t rows : {1, 2, 7})
        for (size_t cols : {1, 2, 3, 4, 5, 7, 8, 29})
          for (Guard guard : kBothGuards) {
            std::vector<float> values = Values(kChannels * rows * cols, ++seed, Numbers::kReals);
            if (with_nan) values[seed % values.size()] = test::kNan;
            std::vector<Expected> expected;
            for (size_t c = 0; c < kChannels; ++c) {
              double top = -test::kInf, sum = 0, magnitude = 0;
              for (size_t i = c * rows * cols; i < (c + 1) * rows * cols; ++i) {
                top = std::isnan(values[i]) || values[i] > top ? values[i] : top;
                sum += values[i];
                magnitude += std::fabs(values[i]);
              }
              const double count = static_cast<double>(rows * cols);
              expected.push_back(is_max ? Expected{top, 0}
                                        : Expected{sum / count, (count + 4) * test::kRounding * magnitude / count});
            }
            Comparison comparison;
            for (const KernelTable* table : Tables()) {
              std::vector<float> dense;
              for (size_t gap : {0, 2}) {
                BlockedPlanes x(*table, rows, cols, gap, guard), y(*table, 1, 1, 0, guard);
                x.Set(values);
                for (size_t b = 0; b < x.blocks(); ++b) {
                  const PlaneReduceArgs args{x.block(b), x.row_stride(), rows, cols, static_cast<float>(rows * cols),
                                             y.block(b)};
                  (is_max ? table->plane_max : table->plane_mean)(args);
                }
                const std::vector<float> result = y.Get();
                if (gap == 0) dense = result;
                const std::string what = std::to_string(rows) + "x" + std::to_string(cols);
                CHECK(SameBits(dense, result), "%s %s: a gap changes the bits", table->isa, what.c_str());
                if (with_nan) {
                  Comparison().Check(*table, result, expected, what);
                } else {
                  comparison.Check(*table, result, expected, what);
                }
              }
            }
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
              expected.push_back({l * w0 + r * w, numbers == Numbers::kIntegers ? 0 : 6 * 16 * test::kRounding});
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
}  // namespace lanewise
