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

// A residual whose channels the sums read as well.
struct Joined : Net {
  Joined(int64_t channels, int64_t others) {
    Random random(9);
    const auto pointwise = [&](int x, int64_t outputs, Conv2dSpec conv) {
      Shape y = shape(x);
      const Shape weights = {outputs, y[1], 1, 1};
      std::vector<float> values(static_cast<size_t>(ElementCount(weights)));
      random.Fill(values, -0.3f, 0.3f);
      y[1] = outputs;
      return Step("conv2d", {x, Constant(weights, std::move(values))}, y, conv);
    };
    const int x = Input({1, 32, 14, 14});
    const int residual = pointwise(x, channels, {}), other = pointwise(x, others, {});
    const int both = Step("concat", {residual, other}, {1, channels + others, 14, 14}, ConcatSpec{1});
    Conv2dSpec joins;
    joins.epilogue.residual = residual;
    Output(pointwise(pointwise(both, channels, joins), channels, {}));
  }
};

Tensors InputsOf(const Plan& plan) {
  Random random(5);
  Tensors inputs(1, std::vector<float>(static_cast<size_t>(plan.inputs()[0].elements())));
  random.Fill(inputs[0], -1, 1);
  return inputs;
}

Tensors RunPlan(Plan& plan, const Tensors& inputs, int threads) {
  Tensors results;
  std::vector<float*> outputs;
  for (const PortInfo& port : plan.outputs()) results.emplace_back(static_cast<size_t>(port.elements()), kNan);
  for (auto& result : results) outputs.push_back(result.data());
  const float* in = inputs[0].data();
  RunOptions run;
  run.inputs = &in;
  run.outputs = outputs.data();
  run.threads = threads;
  CHECK(plan.Run(run).ok());
  return results;
}

template <typename Expected>
double WorstError(const Tensors& results, const Expected& expected) {
  double worst = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    for (size_t k = 0; k < results[i].size(); ++k)
      worst = std::max(worst, std::fabs(static_cast<double>(results[i][k]) - expected[i][k]));
  }
  return worst;
}

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

          const Tensors inputs = InputsOf(*plan), results = RunPlan(*plan, inputs, threads);
          const double worst = WorstError(results, NetReference(net.spec, inputs).Outputs());
          CHECK(worst < 1e-4, "%s %s, %d threads: differs by %g", table->isa, c.name, threads, worst);
          if (first.empty()) first = results;
          for (size_t i = 0; i < results.size(); ++i)
            CHECK(SameBits(first[i], results[i]), "%s %s: %d threads give other bits", table->isa, c.name, threads);
        }
      }
    }
  }
}

TEST(ScatteredSourcesAreNotWrittenOver) {
  constexpr int64_t kChannels[][2] = {{72, 8}, {36, 12}};  // that fill no whole number of vectors, of 16 lanes and of 8
  for (const auto& [channels, others] : kChannels) {
    const Joined net(channels, others);
    for (const KernelTable* table : Tables()) {
      PlanOptions options;
      options.strict = false;
      PackCache packs;
      std::unique_ptr<Plan> plan;
      CHECK(Plan::Create(net.spec, *table, packs, &plan, options).ok(), "%s", table->isa);
      if (plan == nullptr) continue;
      if (table->matrix == nullptr && channels % table->lanes != 0)
        CHECK(StepsOf(*plan, "scattered") == 1, "%s %d channels", table->isa, static_cast<int>(channels));
      const Tensors inputs = InputsOf(*plan);
      const double worst = WorstError(RunPlan(*plan, inputs, 1), NetReference(net.spec, inputs).Outputs());
      CHECK(worst < 1e-4, "%s %d channels: differs by %g", table->isa, static_cast<int>(channels), worst);
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
