// Pooling kernels on every ISA of the machine: rows of windows, clipped or not, and whole planes. Operands end (or
// begin) at an inaccessible page.
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
  args.row_count = static_cast<float>(p.tap_rows + 1);
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
      double top = -kInf, sum = 0, magnitude = 0;
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
      const double count = static_cast<double>(p.tap_rows + 1) * static_cast<double>(p.count_padding ? p.kernel
                                                                                     : taps > 0      ? taps
                                                                                                     : 1);
      const double roundings = static_cast<double>(p.kernel * p.tap_rows + 1);
      expected.push_back(is_max ? Expected{top, 0} : Expected{sum / count, roundings * kRounding * magnitude / count});
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
      values[seed % values.size()] = kNan;
      values[seed * 7 % values.size()] = kNan;
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
            if (with_nan) values[seed % values.size()] = kNan;
            std::vector<Expected> expected;
            for (size_t c = 0; c < kChannels; ++c) {
              double top = -kInf, sum = 0, magnitude = 0;
              for (size_t i = c * rows * cols; i < (c + 1) * rows * cols; ++i) {
                top = std::isnan(values[i]) || values[i] > top ? values[i] : top;
                sum += values[i];
                magnitude += std::fabs(values[i]);
              }
              const double count = static_cast<double>(rows * cols);
              expected.push_back(is_max ? Expected{top, 0}
                                        : Expected{sum / count, (count + 4) * kRounding * magnitude / count});
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

}  // namespace
}  // namespace lanewise::test
