// Unary, binary and scale rows on every ISA: against double references within the bounds that math.h and activation.h
// state, to the bit between ISAs with a fused multiply-add, and between guard pages.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "epilogue_cases.h"
#include "guarded_buffer.h"
#include "reference.h"

namespace lanewise::test {
namespace {

constexpr double kSqrt2OverPi = 0.79788456080286535588;

double HardSigmoid(double x, double a, double b) { return std::isnan(x) ? x : std::fmin(1, std::fmax(0, a * x + b)); }
double Softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
// The limit at -inf, where x times a saturated factor would be NaN.
double Gated(double x, double gate) { return x == -INFINITY ? 0 : x * gate; }

struct UnaryCase {
  const char* name;
  double (*reference)(double x, double alpha, double beta);
  float alpha, beta;
  // The error is at most ulps of the result + relative * 2^-24 * |x|.
  double ulps, relative;
};

// In the order of the enumeration.
const UnaryCase kUnaryCases[] = {
    {"identity", [](double x, double, double) { return x; }, 0, 0, 0, 0},
    {"relu", [](double x, double, double) { return x < 0 ? 0 : x; }, 0, 0, 0, 0},
    {"clip", [](double x, double a, double b) { return x < a   ? a
                                                       : x > b ? b
                                                               : x; }, -1.5f, 2.25f, 0, 0},
    {"leaky_relu", [](double x, double a, double) { return x > 0 ? x : a * x; }, 0.1f, 0, 0.5, 0},
    {"hard_sigmoid", HardSigmoid, 0.2f, 0.5f, 1, 0.5},
    {"hard_swish", [](double x, double a, double b) { return x * HardSigmoid(x, a, b); }, 1 / 6.f, 0.5f, 1.5, 2},
    {"sigmoid", [](double x, double, double) { return 1 / (1 + std::exp(-x)); }, 0, 0, 2.0, 0},
    {"silu", [](double x, double, double) { return Gated(x, 1 / (1 + std::exp(-x))); }, 0, 0, 2.0, 0},
    {"tanh", [](double x, double, double) { return std::tanh(x); }, 0, 0, 1.5, 0},
    {"gelu", [](double x, double, double) { return Gated(x, 0.5 * std::erfc(-x * M_SQRT1_2)); }, 0, 0, 0, 2},
    {"gelu_tanh",
     [](double x, double, double) {
       return Gated(x, 1 / (1 + std::exp(-2 * kSqrt2OverPi * (x + 0.044715 * x * x * x))));
     },
     0, 0, 0, 2.2},
    {"abs", [](double x, double, double) { return std::fabs(x); }, 0, 0, 0, 0},
    {"neg", [](double x, double, double) { return -x; }, 0, 0, 0, 0},
    {"exp", [](double x, double, double) { return std::exp(x); }, 0, 0, 1.0, 0},
    {"log", [](double x, double, double) { return std::log(x); }, 0, 0, 1.0, 0},
    {"sqrt", [](double x, double, double) { return std::sqrt(x); }, 0, 0, 0.5, 0},
    {"reciprocal", [](double x, double, double) { return 1 / x; }, 0, 0, 0.5, 0},
    {"floor", [](double x, double, double) { return std::floor(x); }, 0, 0, 0, 0},
    {"ceil", [](double x, double, double) { return std::ceil(x); }, 0, 0, 0, 0},
    {"round", [](double x, double, double) { return std::nearbyint(x); }, 0, 0, 0, 0},
    {"sign", [](double x, double, double) { return x > 0   ? 1
                                                   : x < 0 ? -1
                                                           : x; }, 0, 0, 0, 0},
    {"erf", [](double x, double, double) { return std::erf(x); }, 0, 0, 1.3, 0},
    {"softplus", [](double x, double, double) { return Softplus(x); }, 0, 0, 1.8, 0},
    {"elu", [](double x, double a, double) { return x > 0 ? x : a * std::expm1(x); }, 1.5f, 0, 1.6, 0},
    {"mish", [](double x, double, double) { return Gated(x, std::tanh(Softplus(x))); }, 0, 0, 4.5, 0},
    {"selu", [](double x, double a, double b) { return b * (x > 0 ? x : a * std::expm1(x)); }, 1.5f, 1.25f, 1.9, 0},
    {"thresholded_relu", [](double x, double a, double) { return x <= a ? 0 : x; }, 1.25f, 0, 0, 0},
    {"softsign", [](double x, double, double) { return x / (1 + std::fabs(x)); }, 0, 0, 1.6, 0},
    {"shrink", [](double x, double a, double b) { return std::isnan(x) ? x
                                                         : x < -a      ? x + b
                                                         : x > a       ? x - b
                                                                       : 0; },
     0.75f, 0.25f, 0.5, 0},
};
static_assert(sizeof(kUnaryCases) / sizeof(UnaryCase) == static_cast<size_t>(Unary::kCount), "a case for every one");

const float kSpecials[] = {
    0.f,    -0.f,    kInf,           -kInf,           kNan,   1.f,     -1.f,   0.5f,  1.5f,   2.5f,
    -0.5f,  -1.5f,   3.40282347e38f, -3.40282347e38f, 1e-38f, -1e-38f, 88.72f, 89.f,  -87.4f, -104.f,
    1.e10f, -1.e10f, 8388607.5f,     -8388608.f,      20.f,   -20.f,   0.625f, 0.92f, 1e-40f, -1e-40f};

// How far over its bound a result is: 1 is at the bound.
double Excess(const UnaryCase& c, float x, float got, double want) {
  const double error = UlpError(got, want);
  if (error == 0) return 0;
  // A flushed exponential may be lost times x, which is at most 104 where there is one.
  const double flushed = kSmallest * (1 + std::fmin(std::fabs(x), 104));
  const double allowed = c.ulps * UlpOf(want) + c.relative * kRounding * std::fabs(x) + flushed;
  return error > 1e8 ? error : error * UlpOf(want) / allowed;
}

// Every 1009th float (of all floats, sigmoid's largest error is 1.9988 ulp and silu's 1.9990), in rows, on every ISA;
// with and without denormals.
TEST(UnaryRowsStayInTheirBounds) {
  const uint32_t step = QuickLevel() ? 8009 : 1009;
  constexpr size_t kBatch = 1 << 16;
  for (int fn = 0; fn < static_cast<int>(Unary::kCount); ++fn) {
    const UnaryCase& c = kUnaryCases[fn];
    double worst = 0;
    uint64_t next = 0;
    std::vector<float> x, y, first;
    std::vector<double> want;
    while (next < 0x100000000ull) {
      x.clear();
      want.clear();
      for (; next < 0x100000000ull && x.size() < kBatch; next += step) {
        const uint32_t bits = static_cast<uint32_t>(next);
        float value;
        std::memcpy(&value, &bits, sizeof value);
        // A denormal argument may be taken for zero, which reciprocal, log and sqrt turn into anything but a denormal.
        if (std::fabs(value) < kSmallest && value != 0) continue;
        x.push_back(value);
        want.push_back(c.reference(value, c.alpha, c.beta));
      }
      for (bool flush : {false, true}) {
        first.clear();
        for (const KernelTable* table : Tables()) {
          y.assign(x.size(), kNan);
          if (flush) {
            const FlushDenormals mode;
            table->unary[fn](x.data(), y.data(), x.size(), c.alpha, c.beta);
          } else {
            table->unary[fn](x.data(), y.data(), x.size(), c.alpha, c.beta);
          }
          for (size_t i = 0; i < x.size(); ++i) {
            const double excess = Excess(c, x[i], y[i], want[i]);
            worst = std::max(worst, excess);
            if (excess > 1)
              CHECK(excess <= 1, "%s %s(%.9g) = %.9g, want %.9g", table->isa, c.name, static_cast<double>(x[i]),
                    static_cast<double>(y[i]), want[i]);
          }
          if (!IsFused(*table)) continue;
          if (first.empty()) first = y;
          for (size_t i = 0; i < x.size(); ++i)
            if (!SameBits(first[i], y[i])) CHECK(false, "%s %s(%.9g): bits differ", table->isa, c.name, double(x[i]));
        }
      }
    }
    if (c.relative > 0)
      std::printf("  %-12s at %.2f of %.1f ulp + %.1f * 2^-24 |x|\n", c.name, worst, c.ulps, c.relative);
    else if (c.ulps > 0)
      std::printf("  %-12s %.2f of %.1f ulp\n", c.name, worst * c.ulps, c.ulps);
  }
}

TEST(UnaryRowsOfEveryLengthInAndOutOfPlace) {
  Random random(1);
  for (const KernelTable* table : Tables())
    for (int fn = 0; fn < static_cast<int>(Unary::kCount); ++fn)
      for (size_t n : RowLengths(static_cast<size_t>(table->lanes)))
        for (Guard guard : kBothGuards)
          for (bool in_place : {false, true}) {
            const UnaryCase& c = kUnaryCases[fn];
            GuardedBuffer x(n, guard), y(n, guard);
            random.Fill(x, -6, 6);
            for (size_t i = 0; i < n; i += 3) x[i] = kSpecials[random.Below(std::size(kSpecials) - 2)];
            const std::vector<float> before(x.begin(), x.end());
            float* out = in_place ? x.data() : y.data();
            table->unary[fn](x.data(), out, n, c.alpha, c.beta);
            for (size_t i = 0; i < n; ++i) {
              const double want = c.reference(before[i], c.alpha, c.beta);
              // -inf * 0, as the formula has it
              const bool formula =
                  fn == static_cast<int>(Unary::kHardSwish) && before[i] == -kInf && std::isnan(out[i]);
              CHECK(formula || Excess(c, before[i], out[i], want) <= 1, "%s %s n=%zu [%zu] (%g) = %g, want %g",
                    table->isa, c.name, n, i, double(before[i]), double(out[i]), want);
            }
          }
}

TEST(UnarySpecials) {
  for (const KernelTable* table : Tables())
    for (int fn = 0; fn < static_cast<int>(Unary::kCount); ++fn)
      for (float x : kSpecials) {
        const UnaryCase& c = kUnaryCases[fn];
        const bool denormal = x != 0 && std::fabs(x) < kSmallest;
        const double want = c.reference(x, c.alpha, c.beta);
        if (denormal || (fn == static_cast<int>(Unary::kHardSwish) && x == -kInf)) continue;
        float y;
        table->unary[fn](&x, &y, 1, c.alpha, c.beta);
        CHECK(Excess(c, x, y, want) <= 1, "%s %s(%g) = %g, want %g", table->isa, c.name, double(x), double(y), want);
      }
}

// ---- binary

double BinaryReference(Binary fn, double a, double b) {
  switch (fn) {
    case Binary::kAdd: return a + b;
    case Binary::kSub: return a - b;
    case Binary::kMul: return a * b;
    case Binary::kDiv: return a / b;
    case Binary::kMin: return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case Binary::kMax: return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case Binary::kPow: return std::pow(a, b);
    case Binary::kPrelu: return a > 0 ? a : a * b;
    case Binary::kCount:
    case Binary::kMod: break;  // core/portable_rows.h
  }
  return 0;
}
const char* const kBinaryNames[] = {"add", "sub", "mul", "div", "min", "max", "pow", "prelu"};
static_assert(std::size(kBinaryNames) == static_cast<size_t>(Binary::kCount), "a name for every one");

TEST(BinaryRows) {
  for (int index = 0; index < kBinaryRows; ++index)
    for (size_t case_index = 0; case_index < 12; ++case_index)
      for (Guard guard : kBothGuards)
        for (int place = 0; place < 3; ++place) {  // y apart, in a, in b
          const Binary fn = static_cast<Binary>(index / static_cast<int>(Spread::kCount));
          const Spread spread = static_cast<Spread>(index % static_cast<int>(Spread::kCount));
          const bool lanes_spread = spread == Spread::kLanesA || spread == Spread::kLanesB;
          const bool repeats_a = spread == Spread::kScalarA || spread == Spread::kLanesA;
          const bool repeats_b = spread == Spread::kScalarB || spread == Spread::kLanesB;
          if ((place == 1 && repeats_a) || (place == 2 && repeats_b)) continue;
          std::vector<float> first;
          for (const KernelTable* table : Tables()) {
            const size_t lanes = static_cast<size_t>(table->lanes);
            const size_t n = lanes_spread ? case_index * lanes : RowLengths(lanes)[case_index];
            const auto count = [&](bool repeated) { return !repeated ? n : lanes_spread ? lanes : 1; };
            GuardedBuffer a(count(repeats_a), guard), b(count(repeats_b), guard), apart(n, guard);
            Random random(static_cast<uint64_t>(index) * 100 + case_index);
            random.Fill(a, fn == Binary::kPow ? 0.f : -4.f, 4);
            random.Fill(b, -4, 4);
            for (size_t i = 0; i < n && case_index % 2 == 1; i += 2) {
              if (!repeats_a) a[i] = kSpecials[random.Below(std::size(kSpecials) - 2)];
              if (!repeats_b && i + 1 < n) b[i + 1] = kSpecials[random.Below(std::size(kSpecials) - 2)];
            }
            const std::vector<float> va(a.begin(), a.end()), vb(b.begin(), b.end());
            GuardedBuffer& y = place == 0 ? apart : place == 1 ? a : b;
            table->binary[index](a.data(), b.data(), y.data(), n);
            for (size_t i = 0; i < n; ++i) {
              const float p = va[i % va.size()], q = vb[i % vb.size()];
              const double want = BinaryReference(fn, p, q);
              CHECK(UlpError(y[i], want) <= (fn == Binary::kPow ? 0.51 : 0.5),
                    "%s %s spread %d n=%zu: (%g, %g) = %g, want %g", table->isa,
                    kBinaryNames[index / static_cast<int>(Spread::kCount)], static_cast<int>(spread), n, double(p),
                    double(q), double(y[i]), want);
            }
            if (!IsFused(*table) || lanes_spread) continue;
            const std::vector<float> got(y.begin(), y.end());
            if (first.empty()) first = got;
            if (got.size() == first.size())
              for (size_t i = 0; i < n; ++i) CHECK(SameBits(first[i], got[i]), "%s binary %d", table->isa, index);
          }
        }
}

TEST(PowersOfSpecials) {
  for (const KernelTable* table : Tables()) {
    const auto full = table->binary[binary_index(Binary::kPow, Spread::kFull)];
    const auto scalar = table->binary[binary_index(Binary::kPow, Spread::kScalarB)];
    for (float a : kSpecials)
      for (float b :
           {0.f, -0.f, 0.5f, 1.f, 2.f, 3.f, -1.f, -2.f, -3.f, -0.5f, 1.5f, kInf, -kInf, kNan, 8388609.f, 1e10f}) {
        if (a != 0 && std::fabs(a) < kSmallest) continue;
        const double want = std::pow(static_cast<double>(a), static_cast<double>(b));
        float y = 0, z = 0;
        full(&a, &b, &y, 1);
        scalar(&a, &b, &z, 1);
        // x*x*x rounds twice
        CHECK(UlpError(y, want) <= 0.51, "%s pow(%g, %g) = %g, want %g", table->isa, double(a), double(b), double(y),
              want);
        CHECK(UlpError(z, want) <= (b == 3.f ? 1.5 : 0.51), "%s pow(%g, scalar %g) = %g, want %g", table->isa,
              double(a), double(b), double(z), want);
      }
  }
}

TEST(SimplePowersOfRows) {
  for (const KernelTable* table : Tables())
    for (float exponent : {0.5f, 2.f, 3.f})
      for (size_t n : RowLengths(static_cast<size_t>(table->lanes)))
        for (Guard guard : kBothGuards) {
          GuardedBuffer x(n, guard), y(n, guard);
          Random random(n);
          random.Fill(x, 0, 9);
          table->binary[binary_index(Binary::kPow, Spread::kScalarB)](x.data(), &exponent, y.data(), n);
          for (size_t i = 0; i < n; ++i)
            CHECK(UlpError(y[i], std::pow(static_cast<double>(x[i]), exponent)) <= (exponent == 3.f ? 1.5 : 0.5),
                  "%s %g^%g = %g", table->isa, double(x[i]), double(exponent), double(y[i]));
        }
}

// ---- scale

TEST(ScaleRows) {
  for (bool per_lane : {false, true})
    for (size_t case_index = 0; case_index < 12; ++case_index)
      for (Guard guard : kBothGuards)
        for (bool in_place : {false, true})
          for (bool clamps : {false, true}) {
            const float lo = clamps ? 0.f : -kInf, hi = clamps ? 6.f : kInf;
            std::vector<float> first;
            for (const KernelTable* table : Tables()) {
              // The same kMaxLanes channels for every ISA, block by block.
              const size_t lanes = static_cast<size_t>(table->lanes), pixels = case_index;
              const size_t blocks = per_lane ? kMaxLanes / lanes : 1;
              const size_t n = per_lane ? pixels * lanes : case_index * 7;
              Random random(case_index + 1);
              std::vector<float> scales(kMaxLanes), shifts(kMaxLanes), values(per_lane ? pixels * kMaxLanes : n);
              random.Fill(scales, -2, 2);
              random.Fill(shifts, -2, 2);
              random.Fill(values, -4, 4);
              if (!values.empty()) values[random.Below(values.size())] = kNan;
              std::vector<float> result(values.size());
              for (size_t b = 0; b < blocks; ++b) {
                const size_t factors = per_lane ? lanes : 1;
                GuardedBuffer x(n, guard), apart(n, guard), s(factors, guard), t(factors, guard);
                const auto at = [&](size_t i) { return per_lane ? i / lanes * kMaxLanes + b * lanes + i % lanes : i; };
                for (size_t i = 0; i < n; ++i) x[i] = values[at(i)];
                std::copy_n(scales.begin() + static_cast<ptrdiff_t>(b * lanes), factors, s.begin());
                std::copy_n(shifts.begin() + static_cast<ptrdiff_t>(b * lanes), factors, t.begin());
                GuardedBuffer& y = in_place ? x : apart;
                (per_lane ? table->scale_lanes : table->scale_row)(x.data(), s.data(), t.data(), y.data(), n, lo, hi);
                for (size_t i = 0; i < n; ++i) {
                  const size_t c = per_lane ? b * lanes + i % lanes : 0;
                  const double product = static_cast<double>(values[at(i)]) * scales[c], sum = product + shifts[c];
                  const double want = std::isnan(sum) ? sum : std::fmin(hi, std::fmax(lo, sum));
                  CHECK(Near(y[i], want, kRounding * (std::fabs(product) + 2 * std::fabs(sum))),
                        "%s n=%zu: %g, want %g", table->isa, n, double(y[i]), want);
                  result[at(i)] = y[i];
                }
              }
              if (!IsFused(*table)) continue;
              if (first.empty()) first = result;
              for (size_t i = 0; i < result.size(); ++i) CHECK(SameBits(first[i], result[i]), "%s bits", table->isa);
            }
          }
}

}  // namespace
}  // namespace lanewise::test
