// SiLU of sums that have its factor in their weights (Act::kScaledSilu): the function by itself, and the convolutions
// that choose it.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "core/plan.h"
#include "epilogue_cases.h"
#include "net_reference.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

double Reference(double y) { return y / (static_cast<double>(kSiluFactor) * (1 + std::exp2(y))); }

// A tile without products, whose bias is `y`.
void Apply(const KernelTable& table, const float* y, float* result) {
  TileArgs args{};
  alignas(64) float bias[kMaxLanes];
  std::copy_n(y, table.lanes, bias);
  args.bias = args.weights = args.x = args.prefetch = bias;
  args.y = result;
  args.last_lanes = static_cast<size_t>(table.lanes);
  args.epilogue.activation.kind = Act::kScaledSilu;
  table.tile[0][0](args);
}

struct Error {
  double ulps = 0;
  float at = 0;
};

// Every 1009th float; over all floats the largest error is 2.172 ulp, and 1.724 where the result is positive; without a
// fused multiply-add 2.753 and 2.012.
TEST(ScaledSiluStaysInItsBounds) {
  // Results below this come from powers of two at the end of their range.
  constexpr double kFlushed = 104 * kSmallest;
  const uint32_t step = QuickLevel() ? 8009 : 1009;
  const std::vector<const KernelTable*> tables = Tables();
  std::vector<Error> positive(tables.size()), negative(tables.size());
  uint64_t next = 0;
  while (next < 0x100000000ull) {
    float y[kMaxLanes];
    for (float& value : y) {
      const auto bits = static_cast<uint32_t>(std::min<uint64_t>(next, 0xffffffffu));
      std::memcpy(&value, &bits, sizeof value);
      next += step;
    }
    const float* first = nullptr;
    float results[8][kMaxLanes];
    for (size_t i = 0; i < tables.size(); ++i) {
      float* result = results[i];
      for (int lane = 0; lane < kMaxLanes; lane += tables[i]->lanes) Apply(*tables[i], y + lane, result + lane);
      for (int lane = 0; lane < kMaxLanes; ++lane) {
        const double want = Reference(y[lane]), got = result[lane];
        if (std::isnan(y[lane])) {
          CHECK(std::isnan(got), "%s: NaN gives %g", tables[i]->isa, got);
        } else if (y[lane] == -kInf) {
          CHECK(got == kInf, "%s: -inf gives %g", tables[i]->isa, got);
        } else if (y[lane] == kInf || std::fabs(want) < kFlushed) {
          CHECK(std::fabs(got) <= kFlushed, "%s: %g gives %g", tables[i]->isa, static_cast<double>(y[lane]), got);
        } else {
          Error& worst = want > 0 ? positive[i] : negative[i];
          const double error = std::fabs(got - want) / UlpOf(want);
          if (error > worst.ulps) worst = {error, y[lane]};
        }
      }
      if (!IsFused(*tables[i])) continue;
      if (first == nullptr) first = result;
      for (int lane = 0; lane < kMaxLanes; ++lane)
        if (!SameBits(first[lane], result[lane]))
          CHECK(false, "%s: %.9g gives other bits", tables[i]->isa, static_cast<double>(y[lane]));
    }
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    const bool fused = IsFused(*tables[i]);
    std::printf("  %-12s %.3f ulp, where positive %.3f\n", tables[i]->isa, negative[i].ulps, positive[i].ulps);
    CHECK(negative[i].ulps <= (fused ? 2.2 : 2.8), "at %.9g", static_cast<double>(negative[i].at));
    CHECK(positive[i].ulps <= (fused ? 1.8 : 2.1), "at %.9g", static_cast<double>(positive[i].at));
  }
}

struct Case {
  const char* name;
  int64_t inputs, outputs, groups, kernel;
  Residual residual;
  bool scaled, strict, expected;  // expected: that the weights have the factor
};
const Case kCases[] = {
    {"dense 1x1", 40, 72, 1, 1, Residual::kNone, false, false, true},
    {"dense 3x3", 11, 40, 1, 3, Residual::kNone, false, false, true},
    {"depthwise 3x3", 40, 40, 40, 3, Residual::kNone, false, false, true},
    {"depthwise 5x5", 21, 21, 21, 5, Residual::kNone, false, false, true},
    {"groups of 4", 32, 32, 8, 3, Residual::kNone, false, false, true},
    {"added to afterwards", 40, 24, 1, 1, Residual::kAfter, false, false, true},
    {"added to before", 40, 24, 1, 1, Residual::kBefore, false, false, false},
    {"scaled", 40, 24, 1, 1, Residual::kNone, true, false, false},
    {"strict", 40, 24, 1, 1, Residual::kNone, false, true, false},
};

struct SiluNet : Net {
  explicit SiluNet(const Case& c) {
    Random random(11);
    const auto constant = [&](const Shape& shape, float lo) {
      std::vector<float> values(static_cast<size_t>(ElementCount(shape)));
      random.Fill(values, lo, 1);
      return Constant(shape, std::move(values));
    };
    const int64_t rows = 9, cols = 17;
    const Shape y = {1, c.outputs, rows, cols};
    const int x = Input({1, c.inputs, rows, cols});
    Conv2dSpec conv;
    conv.groups = c.groups;
    conv.pads = {c.kernel / 2, c.kernel / 2, c.kernel / 2, c.kernel / 2};
    conv.epilogue.activation.kind = Act::kSilu;
    conv.epilogue.bias = constant({c.outputs}, -1);
    if (c.scaled) {
      conv.epilogue.scale = constant({c.outputs}, 0.5f);
      conv.epilogue.shift = constant({c.outputs}, -1);
    }
    if (c.residual != Residual::kNone) conv.epilogue.residual = Input(y);
    conv.epilogue.add_after_activation = c.residual == Residual::kAfter;
    const Shape w = {c.outputs, c.inputs / c.groups, c.kernel, c.kernel};
    Output(Step("conv2d", {x, constant(w, -1)}, y, conv));
    terms = static_cast<double>(w[1] * w[2] * w[3]);
  }
  double terms;  // of a sum of products
};

// The definition in double, within what the sums round: each of the products and partial sums is at most `terms` + 3 in
// magnitude, and rounded twice; the weights are rounded once more. silu's slope is at most 1.1, its own error 3 ulp of
// a result that is no larger than the sum.
TEST(ConvolutionsScaleTheirSumsForSilu) {
  for (const Case& c : kCases) {
    const SiluNet net(c);
    std::vector<std::vector<float>> inputs;
    Random random(5);
    for (const PortSpec& port : net.spec.inputs) {
      inputs.emplace_back(static_cast<size_t>(ElementCount(net.shape(port.value))));
      random.Fill(inputs.back(), -1, 1);
    }
    const std::vector<float> expected = NetReference(net.spec, inputs).Outputs()[0];
    const double bound = kRounding * (net.terms + 3) * (1.1 * (2 * net.terms + 3) + 6);
    std::vector<float> first;
    for (const KernelTable* table : Tables()) {
      const auto run = [&](bool strict) {
        PlanOptions options;
        options.strict = strict;
        options.form = ConvForm{};
        PackCache packs;
        std::unique_ptr<Plan> plan;
        CHECK(Plan::Create(net.spec, *table, packs, &plan, options).ok(), "%s %s", table->isa, c.name);
        std::vector<float> result(expected.size(), kNan);
        std::vector<const float*> in;
        for (const auto& values : inputs) in.push_back(values.data());
        float* out = result.data();
        RunOptions how;
        how.inputs = in.data();
        how.outputs = &out;
        CHECK(plan != nullptr && plan->Run(how).ok());
        return result;
      };
      const std::vector<float> result = run(c.strict);
      double worst = 0;
      for (size_t i = 0; i < result.size(); ++i)
        worst = std::max(worst, std::fabs(static_cast<double>(result[i]) - static_cast<double>(expected[i])));
      CHECK(worst <= bound, "%s %s: differs by %g, allowed are %g", table->isa, c.name, worst, bound);
      CHECK(SameBits(result, run(true)) != c.expected, "%s %s: scaled or not", table->isa, c.name);
      if (!IsFused(*table)) continue;
      if (first.empty()) first = result;
      CHECK(SameBits(first, result), "%s %s: other bits", table->isa, c.name);
    }
  }
}

}  // namespace
}  // namespace lanewise::test
