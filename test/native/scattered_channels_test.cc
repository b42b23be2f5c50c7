// Pointwise convolutions that read composed channels where they are, in the order of their places: what they compute,
// and where they do not.
#include <algorithm>
#include <cmath>
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

enum class Also { kNothing, kOutput, kPadding };  // what else wants the composed value

struct Case {
  const char* name;
  Shape input;
  int64_t channels;  // of a branch
  int units;
  int64_t groups = 2;
  Also also = Also::kNothing;
  bool scattered = true;
};
const Case kCases[] = {
    {"as in ShuffleNet", {1, 24, 14, 14}, 58, 3},
    {"a batch", {3, 20, 5, 7}, 58, 2},
    {"a row of pixels", {2, 20, 1, 9}, 49, 2},
    {"one unit", {1, 16, 7, 7}, 33, 1},
    {"few channels in a place", {1, 16, 7, 7}, 20, 4, 2, Also::kNothing, /*scattered=*/false},
    {"one channel in a place", {1, 16, 7, 7}, 40, 1, 40, Also::kNothing, /*scattered=*/false},
    {"an output, too", {1, 24, 7, 7}, 58, 1, 2, Also::kOutput, /*scattered=*/false},
    {"read with a border, too", {1, 24, 7, 7}, 58, 1, 2, Also::kPadding, /*scattered=*/false},
};

// Units that compute with half of their channels and shuffle all.
struct Units : Net {
  explicit Units(const Case& c) {
    Random random(7);
    const auto numbers = [&](const Shape& shape) {
      std::vector<float> values(static_cast<size_t>(ElementCount(shape)));
      random.Fill(values, -0.3f, 0.3f);
      return Constant(shape, std::move(values));
    };
    const auto pointwise = [&](int x, int64_t outputs) {
      Shape y = shape(x);
      Conv2dSpec conv;
      conv.epilogue.activation.kind = Act::kRelu;
      conv.epilogue.bias = numbers({outputs});
      const int w = numbers({outputs, y[1], 1, 1});
      y[1] = outputs;
      return Step("conv2d", {x, w}, y, conv);
    };
    const int x = Input(c.input);
    int passed = pointwise(x, c.channels), computed = pointwise(x, c.channels);
    Shape both = shape(passed);
    both[1] *= 2;
    for (int unit = 0; unit < c.units; ++unit) {
      const int joined = Step("concat", {passed, computed}, both, ConcatSpec{1});
      const int shuffled = Step("channelShuffle", {joined}, both, ChannelShuffleSpec{c.groups});
      const std::vector<int> halves = Split(shuffled, {c.channels, c.channels});
      passed = halves[0];
      computed = pointwise(halves[1], c.channels);
      if (c.also == Also::kOutput) Output(halves[1]);
      if (c.also == Also::kPadding) {
        Conv2dSpec padded;
        padded.groups = c.channels;
        padded.pads = {1, 1, 1, 1};
        Output(Step("conv2d", {halves[1], numbers({c.channels, 1, 3, 3})}, shape(halves[1]), padded));
      }
    }
    Output(computed);
  }
};

size_t StepsOf(const Plan& plan, const std::string& kernel) {
  size_t count = 0;
  for (size_t i = 0; i < plan.step_count(); ++i) count += plan.step_info(i).kernel.find(kernel) != std::string::npos;
  return count;
}

TEST(ChannelsAreReadWhereTheyAre) {
  for (const Case& c : kCases) {
    const Units net(c);
    for (const KernelTable* table : Tables()) {
      for (const bool strict : {true, false}) {
        Tensors first;
        for (const int threads : {1, 3}) {
          PlanOptions options;
          options.strict = strict;
          options.threads = threads;
          PackCache packs;
          std::unique_ptr<Plan> plan;
          CHECK(Plan::Create(net.spec, *table, packs, &plan, options).ok(), "%s %s", table->isa, c.name);
          if (plan == nullptr) continue;
          const size_t scattered = StepsOf(*plan, "scattered"), moved = StepsOf(*plan, "channel map");
          if (table->lanes == 16 && table->matrix == nullptr && !strict && c.scattered)
            CHECK(scattered == static_cast<size_t>(c.units) && moved == 0, "%s: %zu scattered", c.name, scattered);
          if (strict || !c.scattered) CHECK(scattered == 0 && moved > 0, "%s %s: scattered", table->isa, c.name);

          Random random(5);
          Tensors inputs(1, std::vector<float>(static_cast<size_t>(plan->inputs()[0].elements())));
          random.Fill(inputs[0], -1, 1);
          const Tensors expected = NetReference(net.spec, inputs).Outputs();
          Tensors results;
          std::vector<float*> outputs;
          for (const auto& output : expected) results.emplace_back(output.size(), kNan);
          for (auto& result : results) outputs.push_back(result.data());
          const float* in = inputs[0].data();
          RunOptions run;
          run.inputs = &in;
          run.outputs = outputs.data();
          run.threads = threads;
          CHECK(plan->Run(run).ok());
          double worst = 0;
          for (size_t i = 0; i < results.size(); ++i) {
            for (size_t k = 0; k < results[i].size(); ++k)
              worst = std::max(worst, std::fabs(static_cast<double>(results[i][k]) - expected[i][k]));
          }
          CHECK(worst < 1e-4, "%s %s, %d threads: differs by %g", table->isa, c.name, threads, worst);
          if (first.empty()) first = results;
          for (size_t i = 0; i < results.size(); ++i)
            CHECK(SameBits(first[i], results[i]), "%s %s: %d threads give other bits", table->isa, c.name, threads);
        }
      }
    }
  }
}

// Plans of one model share packed weights: not those of another order.
TEST(OrdersAreOfTheWeights) {
  const Units net(kCases[0]);
  for (const KernelTable* table : Tables()) {
    if (table->matrix != nullptr) continue;  // which has its own
    PackCache packs;
    std::unique_ptr<Plan> strict, fast;
    PlanOptions options;
    CHECK(Plan::Create(net.spec, *table, packs, &strict, options).ok());
    const size_t before = packs.bytes();
    options.strict = false;
    CHECK(Plan::Create(net.spec, *table, packs, &fast, options).ok());
    CHECK((packs.bytes() > before) == (StepsOf(*fast, "scattered") > 0), "%s", table->isa);
  }
}

}  // namespace
}  // namespace lanewise::test
