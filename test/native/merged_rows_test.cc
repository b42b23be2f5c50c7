// Pointwise convolutions whose tiles go across the ends of rows, although the result has a halo between its rows: every
// pixel is where a reader with padding expects it, and the halo stays zero.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "core/plan.h"
#include "net_reference.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

using Tensors = std::vector<std::vector<float>>;

struct Case {
  const char* name;
  Shape input;
  int64_t outputs, groups;
  Activation activation;
  bool residual;
};
const Case kCases[] = {
    {"7x7", {1, 190, 7, 7}, 64, 1, {Act::kRelu}, false},
    {"7x7 in batches", {3, 133, 7, 7}, 40, 1, {Act::kSilu}, false},
    {"7x7 with a residual", {2, 161, 7, 7}, 161, 1, {Act::kHardSwish, 1 / 6.f, 0.5f}, true},
    {"7x7 in groups of whole vectors", {1, 320, 7, 7}, 64, 2, {}, false},
    {"7x7 in groups of parts", {1, 320, 7, 7}, 20, 2, {}, false},
    {"one pixel a row", {1, 20, 9, 1}, 16, 1, {}, false},
    {"one row", {1, 20, 1, 9}, 16, 1, {}, false},
    {"20x20", {1, 128, 20, 20}, 48, 1, {}, false},
    {"15x3", {1, 30, 15, 3}, 50, 1, {Act::kClip, -0.5f, 1.f}, false},
};

struct Pointwise : Net {
  explicit Pointwise(const Case& c) {
    Random random(11);
    const auto numbers = [&](const Shape& shape) {
      std::vector<float> values(static_cast<size_t>(ElementCount(shape)));
      random.Fill(values, -1, 1);
      return Constant(shape, std::move(values));
    };
    const int x = Input(c.input);
    const Shape y = {c.input[0], c.outputs, c.input[2], c.input[3]};
    Conv2dSpec pointwise;
    pointwise.groups = c.groups;
    pointwise.epilogue.activation = c.activation;
    pointwise.epilogue.bias = numbers({c.outputs});
    if (c.residual) pointwise.epilogue.residual = x;
    const int v = Step("conv2d", {x, numbers({c.outputs, c.input[1] / c.groups, 1, 1})}, y, pointwise);
    Conv2dSpec padded;
    padded.groups = c.outputs;
    padded.pads = {1, 1, 1, 1};
    Output(Step("conv2d", {v, numbers({c.outputs, 1, 3, 3})}, y, padded));
  }
};

TEST(TilesGoAcrossRowsOfAResultWithHalo) {
  for (const Case& c : kCases) {
    const Pointwise net(c);
    for (const KernelTable* table : Tables()) {
      PackCache packs;
      std::unique_ptr<Plan> plan;
      CHECK(Plan::Create(net.spec, *table, packs, &plan).ok(), "%s %s", table->isa, c.name);
      if (plan == nullptr) continue;
      Random random(5);
      Tensors inputs(1, std::vector<float>(static_cast<size_t>(plan->inputs()[0].elements())));
      random.Fill(inputs[0], -1, 1);
      const std::vector<float> expected = NetReference(net.spec, inputs).Outputs()[0];
      std::vector<float> first;
      for (const int threads : {1, 3}) {
        std::vector<float> result(expected.size(), kNan);
        const float* in = inputs[0].data();
        float* out = result.data();
        RunOptions options;
        options.inputs = &in;
        options.outputs = &out;
        options.threads = threads;
        CHECK(plan->Run(options).ok());
        double worst = 0;
        for (size_t i = 0; i < result.size(); ++i)
          worst = std::max(worst, std::fabs(static_cast<double>(result[i]) - expected[i]));
        CHECK(worst < 2e-4, "%s %s, %d threads: differs by %g", table->isa, c.name, threads, worst);
        if (first.empty()) first = result;
        CHECK(SameBits(first, result), "%s %s: %d threads give other bits", table->isa, c.name, threads);
      }
    }
  }
}

// What the first test is worth: AVX-512 has tiles for more than seven pixels.
TEST(TilesOfSevenPixelsBecomeLarger) {
  const Pointwise net(kCases[0]);
  for (const KernelTable* table : Tables()) {
    if (table->lanes < 16) continue;
    PackCache packs;
    std::unique_ptr<Plan> plan;
    CHECK(Plan::Create(net.spec, *table, packs, &plan).ok());
    int most = 0;
    for (size_t i = 0; i < plan->step_count(); ++i) {
      int pixels = 0;
      if (std::sscanf(plan->step_info(i).kernel.c_str(), "tile %dx", &pixels) == 1) most = std::max(most, pixels);
    }
    CHECK(most > 7, "%s: tiles of %d pixels", table->isa, most);
  }
}

}  // namespace
}  // namespace lanewise::test
