// Reductions, softmax, normalisation and the small dense layer on every ISA: against double references within the
// bounds of rows.h, to the bit between ISAs where the order of the terms does not depend on the vector, and between
// guard pages.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "guarded_buffer.h"
#include "reference.h"

namespace lanewise::test {
namespace {

// Every kernel of kernels.inc is there, on every ISA that this binary was built for.
TEST(NoKernelIsMissing) {
  for (const KernelTable* table : Tables()) {
#define LANEWISE_KERNEL(type, name) CHECK(table->name != nullptr, "%s " #name, table->isa);
#define LANEWISE_KERNEL_ARRAY(type, name, count) \
  for (int i = 0; i < (count); ++i) CHECK(table->name[i] != nullptr, "%s " #name "[%d]", table->isa, i);
#include "kernels/kernels.inc"
#undef LANEWISE_KERNEL
#undef LANEWISE_KERNEL_ARRAY
    CHECK(table->tile[0][0] != nullptr && table->depthwise[0] != nullptr && table->grouped[0] != nullptr, "%s",
          table->isa);
    CHECK(table->lanes == 8 || table->lanes == 16);
  }
}

const char* const kFoldNames[] = {"sum", "max", "min", "prod", "sum_abs", "sum_squares", "sum_exp"};
constexpr int kFolds = static_cast<int>(Fold::kCount);
static_assert(std::size(kFoldNames) == static_cast<size_t>(kFolds), "a name for every one");

struct Folded {
  double value = 0;
  double magnitude = 0;  // sum of |term|
  double own = 0;        // roundings inside the terms
  bool is_sum = true;
};

Folded Reference(Fold fold, const std::vector<float>& terms, float center) {
  Folded r;
  r.is_sum = fold != Fold::kMax && fold != Fold::kMin && fold != Fold::kProd;
  r.value = fold == Fold::kMax ? -INFINITY : fold == Fold::kMin ? INFINITY : fold == Fold::kProd ? 1 : 0;
  for (double x : terms) {
    double term = x;
    if (fold == Fold::kSumAbs) term = std::fabs(x);
    if (fold == Fold::kSumSquares) {
      term = (x - center) * (x - center);
      r.own += 3 * term;  // the difference twice, the product where it rounds
    }
    if (fold == Fold::kSumExp) {
      term = std::exp(x - center);
      r.own += term * (std::fabs(x - center) + 2);
    }
    r.magnitude += std::fabs(term);
    if (fold == Fold::kMax)
      r.value = std::isnan(r.value) || r.value > term ? r.value : term;
    else if (fold == Fold::kMin)
      r.value = std::isnan(r.value) || r.value < term ? r.value : term;
    else if (fold == Fold::kProd)
      r.value *= term;
    else
      r.value += term;
  }
  return r;
}

double Bound(Fold fold, const Folded& r, size_t n, double roundings) {
  if (r.is_sum) return 1.01 * kRounding * (roundings * r.magnitude + r.own);
  if (fold == Fold::kProd) return 1.01 * kRounding * static_cast<double>(n + 8) * std::fabs(r.value);
  return 0;
}

void FillTerms(std::vector<float>& x, Fold fold, Random& random, bool with_nan) {
  if (fold == Fold::kProd)
    random.Fill(x, 0.9f, 1.1f);
  else
    random.Fill(x, -3, 3);
  if (with_nan && !x.empty()) x[random.Below(x.size())] = kNan;
}

TEST(FoldRows) {
  Random random(11);
  for (const KernelTable* table : Tables()) {
    std::vector<size_t> lengths = RowLengths(static_cast<size_t>(table->lanes));
    for (size_t n : {size_t{1000}, size_t{4096}, size_t{20011}}) lengths.push_back(n);
    for (int f = 0; f < kFolds; ++f)
      for (size_t n : lengths)
        for (Guard guard : kBothGuards)
          for (bool with_nan : {false, true}) {
            const Fold fold = static_cast<Fold>(f);
            const float center = f >= static_cast<int>(Fold::kSumSquares) ? 0.75f : 0.f;
            std::vector<float> values(n);
            FillTerms(values, fold, random, with_nan);
            GuardedBuffer x(n, guard);
            std::copy(values.begin(), values.end(), x.begin());
            const double got = table->fold_row[f](x.data(), n, center);
            const Folded want = Reference(fold, values, center);
            const double bound = Bound(fold, want, n, kFoldChunk + 8);
            CHECK(std::isnan(want.value) ? std::isnan(got) : got == want.value || std::fabs(got - want.value) <= bound,
                  "%s %s n=%zu: %.9g, want %.9g +- %.3g", table->isa, kFoldNames[f], n, got, want.value, bound);
          }
  }
}

// A mean far from zero: two passes lose nothing but the rounding of the mean.
TEST(VarianceFarFromZero) {
  Random random(12);
  std::vector<float> x(100003);
  for (float& v : x) v = 1000 + random.Uniform(-1, 1);
  double mean = 0, variance = 0;
  for (double v : x) mean += v / static_cast<double>(x.size());
  for (double v : x) variance += (v - mean) * (v - mean) / static_cast<double>(x.size());
  for (const KernelTable* table : Tables()) {
    const double n = static_cast<double>(x.size());
    const float m = static_cast<float>(table->fold_row[static_cast<int>(Fold::kSum)](x.data(), x.size(), 0) / n);
    const double v = table->fold_row[static_cast<int>(Fold::kSumSquares)](x.data(), x.size(), m) / n;
    CHECK(std::fabs(m - mean) <= (kFoldChunk + 9) * kRounding * 1001, "%s mean %.9g, want %.9g", table->isa, double(m),
          mean);
    CHECK(std::fabs(v / variance - 1) < 1e-5, "%s variance %.9g, want %.9g", table->isa, v, variance);
  }
}

TEST(FoldColumns) {
  Random random(13);
  for (const KernelTable* table : Tables())
    for (int f = 0; f < kFolds; ++f)
      for (size_t n : RowLengths(static_cast<size_t>(table->lanes)))
        for (size_t count : {0, 1, 5, 64, 200})
          for (Guard guard : kBothGuards)
            for (int mode = 0; mode < 4; ++mode) {
              const Fold fold = static_cast<Fold>(f);
              const bool with_center = mode & 1, accumulate = mode & 2;
              const size_t stride = n + 3;
              GuardedBuffer x(count == 0 ? 0 : (count - 1) * stride + n, guard), y(n, guard), center(n, guard);
              std::vector<float> values(x.size());
              FillTerms(values, fold, random, mode == 3);
              std::copy(values.begin(), values.end(), x.begin());
              random.Fill(center, -1, 1);
              if (accumulate) std::fill(y.begin(), y.end(), 1.25f);
              table->fold_columns[f](x.data(), static_cast<ptrdiff_t>(stride), count,
                                     with_center ? center.data() : nullptr, y.data(), n, accumulate);
              for (size_t i = 0; i < n; ++i) {
                std::vector<float> column;
                for (size_t r = 0; r < count; ++r) column.push_back(values[r * stride + i]);
                Folded want = Reference(fold, column, with_center ? center[i] : 0.f);
                if (accumulate) {
                  want.magnitude += 1.25;
                  if (want.is_sum) want.value += 1.25;
                  if (fold == Fold::kProd) want.value *= 1.25;
                  if (fold == Fold::kMax && !(want.value > 1.25) && !std::isnan(want.value)) want.value = 1.25;
                  if (fold == Fold::kMin && !(want.value < 1.25) && !std::isnan(want.value)) want.value = 1.25;
                }
                const double bound = Bound(fold, want, count, 66 + static_cast<double>(count) / 64);
                CHECK(Near(y[i], want.value, bound), "%s %s n=%zu count=%zu: %.9g, want %.9g", table->isa,
                      kFoldNames[f], n, count, double(y[i]), want.value);
              }
            }
}

TEST(FoldPlanes) {
  for (int f = 0; f < kFolds; ++f)
    for (size_t rows : {0, 1, 3, 14})
      for (size_t cols : {1, 2, 3, 4, 7, 28, 57})
        for (Guard guard : kBothGuards)
          for (bool with_nan : {false, true}) {
            const Fold fold = static_cast<Fold>(f);
            Random random(rows * 100 + cols);
            std::vector<float> values(rows * cols * kMaxLanes), centers(kMaxLanes);
            FillTerms(values, fold, random, with_nan);
            random.Fill(centers, -1, 1);
            std::vector<float> first;
            for (const KernelTable* table : Tables()) {
              const size_t lanes = static_cast<size_t>(table->lanes), stride = (cols + 2) * lanes;
              std::vector<float> result;
              for (size_t b = 0; b < kMaxLanes / lanes; ++b) {
                GuardedBuffer x(rows == 0 ? 0 : (rows - 1) * stride + cols * lanes, guard), y(lanes, guard),
                    center(lanes, guard);
                for (size_t r = 0; r < rows; ++r)
                  for (size_t c = 0; c < cols; ++c)
                    for (size_t l = 0; l < lanes; ++l)
                      x[r * stride + c * lanes + l] = values[(r * cols + c) * kMaxLanes + b * lanes + l];
                std::copy_n(centers.begin() + static_cast<ptrdiff_t>(b * lanes), lanes, center.begin());
                table->fold_plane[f](x.data(), static_cast<ptrdiff_t>(stride), rows, cols, center.data(), y.data());
                for (size_t l = 0; l < lanes; ++l) {
                  std::vector<float> terms;
                  for (size_t i = 0; i < rows * cols; ++i) terms.push_back(values[i * kMaxLanes + b * lanes + l]);
                  const Folded want = Reference(fold, terms, center[l]);
                  const double bound =
                      Bound(fold, want, terms.size(), static_cast<double>(cols) / 4 + static_cast<double>(rows) + 3);
                  CHECK(Near(y[l], want.value, bound), "%s %s %zux%zu: %.9g, want %.9g", table->isa, kFoldNames[f],
                        rows, cols, double(y[l]), want.value);
                  result.push_back(y[l]);
                }
              }
              if (!IsFused(*table)) continue;
              if (first.empty()) first = result;
              for (size_t i = 0; i < result.size(); ++i)
                CHECK(SameBits(first[i], result[i]), "%s %s: bits differ", table->isa, kFoldNames[f]);
            }
          }
}

// ---- softmax

// The expected values and bounds of one softmax, by the formulas at the top of rows_softmax.h.
struct Softmax {
  std::vector<double> value, bound;
  Softmax(const std::vector<float>& x, bool log, double roundings) {
    double largest = -INFINITY, sum = 0, own = 0;
    for (double v : x) largest = std::isnan(v) || v > largest ? v : largest;
    for (double v : x) {
      const double e = std::exp(v - largest);
      sum += e;
      own += e > 0 ? e * (largest - v + 2) : 0;
    }
    const double relative = roundings + own / sum;  // of the sum, in roundings
    for (double v : x) {
      const double d = largest - v;
      value.push_back(log ? -d - std::log(sum) : std::exp(-d) / sum);
      bound.push_back(1.01 * kRounding *
                          (log ? 2 * d + 3 * std::log(sum) + 1 + relative : value.back() * (d + 4 + relative)) +
                      kSmallest);
    }
  }
};

void FillLogits(std::vector<float>& x, Random& random) {
  const float scale = random.Below(2) ? 4.f : 60.f;
  random.Fill(x, -scale, scale);
  if (x.size() > 3 && random.Below(3) == 0) x[random.Below(x.size())] = -kInf;
}

TEST(SoftmaxRows) {
  Random random(21);
  for (const KernelTable* table : Tables()) {
    std::vector<size_t> lengths = RowLengths(static_cast<size_t>(table->lanes));
    lengths.push_back(1000);
    lengths.push_back(20011);
    for (bool log : {false, true})
      for (size_t n : lengths)
        for (Guard guard : kBothGuards)
          for (bool in_place : {false, true}) {
            std::vector<float> values(n);
            FillLogits(values, random);
            GuardedBuffer x(n, guard), apart(n, guard);
            std::copy(values.begin(), values.end(), x.begin());
            GuardedBuffer& y = in_place ? x : apart;
            (log ? table->log_softmax_row : table->softmax_row)(x.data(), y.data(), n);
            const Softmax want(values, log, kFoldChunk + 8);
            for (size_t i = 0; i < n; ++i)
              CHECK(Near(y[i], want.value[i], want.bound[i]), "%s log %d n=%zu: %.9g, want %.9g +- %.3g", table->isa,
                    log, n, double(y[i]), want.value[i], want.bound[i]);
          }
  }
}

TEST(SoftmaxColumnsOfEveryWidth) {
  Random random(22);
  for (const KernelTable* table : Tables())
    for (bool log : {false, true})
      for (size_t n : RowLengths(static_cast<size_t>(table->lanes)))
        for (size_t count : {1, 2, 19, 150})
          for (Guard guard : kBothGuards)
            for (bool in_place : {false, true}) {
              const size_t xs = n + 2, ys = in_place ? xs : n + 1;
              std::vector<float> values((count - 1) * xs + n);
              FillLogits(values, random);
              GuardedBuffer x(values.size(), guard), apart((count - 1) * ys + n, guard);
              std::copy(values.begin(), values.end(), x.begin());
              GuardedBuffer& y = in_place ? x : apart;
              (log ? table->log_softmax_columns : table->softmax_columns)(
                  x.data(), static_cast<ptrdiff_t>(xs), y.data(), static_cast<ptrdiff_t>(ys), count, n);
              for (size_t i = 0; i < n; ++i) {
                std::vector<float> column;
                for (size_t r = 0; r < count; ++r) column.push_back(values[r * xs + i]);
                const Softmax want(column, log, 66 + static_cast<double>(count) / 64);
                for (size_t r = 0; r < count; ++r)
                  CHECK(Near(y[r * ys + i], want.value[r], want.bound[r]), "%s log %d n=%zu count=%zu: %.9g, want %.9g",
                        table->isa, log, n, count, double(y[r * ys + i]), want.value[r]);
              }
            }
}

// ---- normalisation and the dense layer

TEST(NormalizeRows) {
  for (size_t n : {0, 1, 7, 8, 9, 16, 17, 31, 64, 67, 200})
    for (Guard guard : kBothGuards)
      for (bool affine : {false, true})
        for (bool in_place : {false, true}) {
          std::vector<float> first;
          for (const KernelTable* table : Tables()) {
            Random random(n + 31);
            GuardedBuffer x(n, guard), apart(n, guard), gamma(n, guard), beta(n, guard);
            random.Fill(x, -3, 3);
            random.Fill(gamma, -2, 2);
            random.Fill(beta, -2, 2);
            const std::vector<float> values(x.begin(), x.end());
            GuardedBuffer& y = in_place ? x : apart;
            const float mean = 0.3f, rstd = 1.7f;
            table->normalize_row(x.data(), y.data(), n, mean, rstd, affine ? gamma.data() : nullptr,
                                 affine ? beta.data() : nullptr);
            for (size_t i = 0; i < n; ++i) {
              const double unit = (static_cast<double>(values[i]) - mean) * rstd;
              const double scaled = affine ? unit * gamma[i] : unit, want = affine ? scaled + beta[i] : unit;
              CHECK(Near(y[i], want, 1.01 * kRounding * (3 * std::fabs(scaled) + std::fabs(want))),
                    "%s n=%zu: %.9g, want %.9g", table->isa, n, double(y[i]), want);
            }
            if (!IsFused(*table)) continue;
            if (first.empty()) first.assign(y.begin(), y.end());
            for (size_t i = 0; i < n; ++i) CHECK(SameBits(first[i], y[i]), "%s bits", table->isa);
          }
        }
}

TEST(DenseRows) {
  for (size_t depth : {0, 1, 5, 64, 333})
    for (size_t outputs : {16, 32, 48, 80, 112})
      for (Guard guard : kBothGuards) {
        Random random(depth + outputs);
        std::vector<float> w(outputs * depth), bias(outputs), x(depth), first;
        random.Fill(w, -1, 1);
        random.Fill(bias, -1, 1);
        random.Fill(x, -1, 1);
        for (const KernelTable* table : Tables()) {
          const size_t lanes = static_cast<size_t>(table->lanes);
          GuardedBuffer gx(depth, guard), gw(outputs * depth, guard), gb(outputs, guard), gy(outputs, guard);
          std::copy(x.begin(), x.end(), gx.begin());
          std::copy(bias.begin(), bias.end(), gb.begin());
          for (size_t o = 0; o < outputs; ++o)
            for (size_t k = 0; k < depth; ++k) gw[(o / lanes * depth + k) * lanes + o % lanes] = w[o * depth + k];
          table->dense_row(gx.data(), depth, gw.data(), gb.data(), gy.data(), outputs / lanes);
          for (size_t o = 0; o < outputs; ++o) {
            double want = bias[o], magnitude = std::fabs(bias[o]);
            for (size_t k = 0; k < depth; ++k) {
              want += static_cast<double>(w[o * depth + k]) * x[k];
              magnitude += std::fabs(static_cast<double>(w[o * depth + k]) * x[k]);
            }
            CHECK(Near(gy[o], want, 1.01 * kRounding * static_cast<double>(depth + 2) * magnitude),
                  "%s depth %zu: %.9g, want %.9g", table->isa, depth, double(gy[o]), want);
          }
          if (!IsFused(*table)) continue;
          if (first.empty()) first.assign(gy.begin(), gy.end());
          for (size_t o = 0; o < outputs; ++o) CHECK(SameBits(first[o], gy[o]), "%s bits", table->isa);
        }
      }
}

}  // namespace
}  // namespace lanewise::test
