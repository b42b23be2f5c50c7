// Plans of small random networks: against their definition in double, threads, reuse of the arena, runs at the same
// time, stopping.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "core/plan.h"
#include "core/threads.h"
#include "epilogue_cases.h"
#include "net_reference.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

using Tensors = std::vector<std::vector<float>>;

std::vector<uint64_t> Seeds() {
  std::vector<uint64_t> seeds;
  for (uint64_t seed = 1; seed <= (QuickLevel() ? 30 : 300); ++seed) seeds.push_back(seed);
  return seeds;
}
RandomNet NetOf(uint64_t seed) { return RandomNet(seed, 3 + seed % 18); }

constexpr PlanOptions kStrict = {1, true}, kFast = {1, false};

std::unique_ptr<Plan> Compile(const PlanSpec& spec, const KernelTable& table, uint64_t seed,
                              const PlanOptions& options = kStrict) {
  PackCache packs;  // a plan keeps what it packed
  std::unique_ptr<Plan> plan;
  const Status status = Plan::Create(spec, table, packs, &plan, options);
  CHECK(status.ok(), "%s net %d: %s", table.isa, static_cast<int>(seed), status.message.c_str());
  return plan;
}

Tensors InputsOf(const Plan& plan, uint64_t seed, float most = 1) {
  Random random(seed);
  Tensors inputs;
  for (const PortInfo& port : plan.inputs()) {
    inputs.emplace_back(static_cast<size_t>(port.elements()));
    random.Fill(inputs.back(), -most, most);
  }
  return inputs;
}

Status RunInto(Plan& plan, const Tensors& inputs, int threads, const std::atomic<bool>* stop, Tensors* outputs) {
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const auto& input : inputs) in.push_back(input.data());
  outputs->clear();
  for (const PortInfo& port : plan.outputs()) outputs->emplace_back(static_cast<size_t>(port.elements()), kNan);
  for (auto& output : *outputs) out.push_back(output.data());
  RunOptions options;
  options.inputs = in.data();
  options.outputs = out.data();
  options.threads = threads;
  options.stop = stop;
  return plan.Run(options);
}

Tensors RunPlan(Plan& plan, const Tensors& inputs, int threads = 1) {
  Tensors outputs;
  const Status status = RunInto(plan, inputs, threads, nullptr, &outputs);
  CHECK(status.ok(), "%s", status.message.c_str());
  return outputs;
}

bool SameBits(const Tensors& a, const Tensors& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!test::SameBits(a[i], b[i])) return false;
  }
  return true;
}

// The largest difference, relative to the largest magnitude; infinite where one is no number.
double Distance(const Tensors& a, const Tensors& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    double largest = 1e-3, difference = 0;
    for (size_t k = 0; k < a[i].size(); ++k) {
      if (!std::isfinite(a[i][k]) || !std::isfinite(b[i][k])) return kInf;
      largest = std::max(largest, std::fabs(static_cast<double>(a[i][k])));
      difference = std::max(difference, std::fabs(static_cast<double>(a[i][k]) - b[i][k]));
    }
    worst = std::max(worst, difference / largest);
  }
  return worst;
}

// The tests below are worth what the networks contain.
TEST(RandomNetsHoldEveryForm) {
  const char* forms[] = {"conv2d tile", "conv2d depthwise", "conv2d grouped", "reorder",
                         "pool2d",      "conv2d winograd",  "globalPool",     "binary",
                         "concat",      "resize2d",         "channel map"};
  for (const KernelTable* table : Tables()) {
    std::vector<size_t> seen(std::size(forms), 0);
    for (uint64_t seed : Seeds()) {
      const RandomNet net = NetOf(seed);
      const auto plan = Compile(net.spec, *table, seed, kFast);
      for (size_t i = 0; plan != nullptr && i < plan->step_count(); ++i) {
        for (size_t f = 0; f < std::size(forms); ++f) {
          const StepInfo& info = plan->step_info(i);
          seen[f] += (info.op + " " + info.kernel).find(forms[f]) != std::string::npos;
        }
      }
    }
    for (size_t f = 0; f < std::size(forms); ++f) CHECK(seen[f] > 0, "%s: no step '%s'", table->isa, forms[f]);
  }
}

TEST(PlansComputeWhatTheDefinitionsSay) {
  double worst = 0;
  for (uint64_t seed : Seeds()) {
    const RandomNet net = NetOf(seed);
    Tensors expected, fused;
    for (const KernelTable* table : Tables()) {
      const auto plan = Compile(net.spec, *table, seed);
      if (plan == nullptr) continue;
      const Tensors inputs = InputsOf(*plan, seed), result = RunPlan(*plan, inputs);
      if (expected.empty()) expected = NetReference(net.spec, inputs).Outputs();
      const double distance = Distance(expected, result);
      CHECK(distance < 2e-5, "%s net %d: differs by %g", table->isa, static_cast<int>(seed), distance);
      // Winograd's transforms lose little on planes this small.
      const auto fast = Compile(net.spec, *table, seed, kFast);
      const double fast_distance = fast == nullptr ? 0 : Distance(expected, RunPlan(*fast, inputs));
      CHECK(fast_distance < 2e-5, "%s net %d: fast differs by %g", table->isa, static_cast<int>(seed), fast_distance);
      worst = std::max(worst, fast_distance);
      if (!IsFused(*table)) continue;
      if (fused.empty()) fused = result;
      CHECK(SameBits(fused, result), "%s net %d: other bits than the first fused ISA", table->isa,
            static_cast<int>(seed));
    }
  }
  std::printf("  fast differs by %.1e at most\n", worst);
}

TEST(ThreadsDoNotChangeTheBits) {
  ThreadPool::Instance().SetThreads(8);
  for (uint64_t seed : Seeds()) {
    const RandomNet net = NetOf(seed);
    for (const KernelTable* table : Tables()) {
      const bool strict = seed % 2 == 0;
      const auto alone = Compile(net.spec, *table, seed, {1, strict});
      if (alone == nullptr) continue;
      const Tensors inputs = InputsOf(*alone, seed), expected = RunPlan(*alone, inputs);
      // A plan made for as many threads as it runs on, and one that finds fewer or more.
      for (const auto& [made_for, threads] : {std::pair{2, 2}, {3, 3}, {8, 8}, {1, 8}, {8, 1}, {8, 3}}) {
        const auto plan = Compile(net.spec, *table, seed, {made_for, strict});
        CHECK(plan != nullptr && SameBits(expected, RunPlan(*plan, inputs, threads)),
              "%s net %d: made for %d, %d threads give other bits", table->isa, static_cast<int>(seed), made_for,
              threads);
      }
    }
  }
  ThreadPool::Instance().SetThreads(0);
}

// A first run of NaN leaves NaN wherever a run writes, so whatever the second reads without having written it shows.
TEST(NothingOfTheLastRunIsReadAgain) {
  for (uint64_t seed : Seeds()) {
    const RandomNet net = NetOf(seed);
    for (const KernelTable* table : Tables()) {
      const PlanOptions options = {1, seed % 2 == 0};
      const auto used = Compile(net.spec, *table, seed, options), fresh = Compile(net.spec, *table, seed, options);
      if (used == nullptr || fresh == nullptr) continue;
      const Tensors inputs = InputsOf(*fresh, seed);
      Tensors sick = inputs;
      for (auto& input : sick) input.assign(input.size(), kNan);
      RunPlan(*used, sick);
      const Tensors after = RunPlan(*used, inputs), expected = RunPlan(*fresh, inputs);
      CHECK(Distance(expected, expected) == 0, "%s net %d: no number from finite inputs", table->isa,
            static_cast<int>(seed));
      CHECK(SameBits(expected, after), "%s net %d: the run before is seen", table->isa, static_cast<int>(seed));
      const Tensors other = RunPlan(*used, InputsOf(*used, seed + 7));
      CHECK(SameBits(expected, RunPlan(*used, inputs)), "%s net %d: not repeatable", table->isa,
            static_cast<int>(seed));
    }
  }
}

// The steps that a run leaves out whose inputs are as CopyInputs leaves them; its result is that of the inputs
// themselves, and what was in the memory before is not seen.
size_t LeftOutWithCopies(const PlanSpec& spec, const KernelTable& table, uint64_t seed, const PlanOptions& made_for) {
  constexpr double kLeftOut = -1;
  const auto plan = Compile(spec, table, seed, made_for);
  if (plan == nullptr) return 0;
  const Tensors inputs = InputsOf(*plan, seed), expected = RunPlan(*plan, inputs);
  std::unique_ptr<Buffer> copies;
  CHECK(plan->TakeCopies(&copies).ok());
  std::fill_n(copies->data(), copies->size(), kNan);
  std::vector<const void*> given;
  std::vector<const float*> in;
  std::vector<float*> out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    given.push_back(inputs[i].data());
    in.push_back(plan->InputCopy(*copies, i));
  }
  for (size_t i = 0; i < expected.size(); ++i) out.push_back(plan->OutputCopy(*copies, i));
  CHECK(plan->CopyInputs(given.data(), *copies).ok());
  std::vector<double> ms(plan->step_count(), kLeftOut);
  RunOptions options;
  options.inputs = in.data();
  options.outputs = out.data();
  options.has_copies = true;
  options.step_ms = ms.data();
  CHECK(plan->Run(options).ok());
  Tensors result;
  for (size_t i = 0; i < out.size(); ++i) result.emplace_back(out[i], out[i] + expected[i].size());
  plan->ReturnCopies(std::move(copies));
  CHECK(SameBits(expected, result), "%s net %d: other bits than those of the inputs themselves", table.isa,
        static_cast<int>(seed));
  return static_cast<size_t>(std::count(ms.begin(), ms.end(), kLeftOut));
}

TEST(CopiedInputsGiveTheSameBits) {
  Net stem;
  const std::vector<float> weights(8 * 3 * 3 * 3, 0.5f);
  Conv2dSpec padded;
  padded.strides = {2, 2};
  padded.pads = {1, 1, 1, 1};
  const int x = stem.Input({2, 3, 9, 11}), w = stem.Constant({8, 3, 3, 3}, weights);
  stem.Output(stem.Step("conv2d", {x, w}, {2, 8, 5, 6}, padded));
  Net both = stem;
  both.Output(x);
  for (const KernelTable* table : Tables()) {
    CHECK(LeftOutWithCopies(stem.spec, *table, 1, kStrict) == 1, "%s: the copy with a halo", table->isa);
    CHECK(LeftOutWithCopies(both.spec, *table, 1, kStrict) == 0, "%s: the input is read twice", table->isa);
    for (uint64_t seed : Seeds()) LeftOutWithCopies(NetOf(seed).spec, *table, seed, {1, seed % 2 == 0});
  }
}

TEST(PlansOfOneModelShareTheirConstants) {
  for (uint64_t seed : {3u, 11u, 17u}) {
    const RandomNet net = NetOf(seed);
    for (const KernelTable* table : Tables()) {
      PackCache packs;
      std::unique_ptr<Plan> first, second;
      CHECK(Plan::Create(net.spec, *table, packs, &first).ok());
      const size_t bytes = packs.bytes();
      CHECK(Plan::Create(net.spec, *table, packs, &second).ok());
      CHECK(packs.bytes() == bytes, "%s net %d: packed again", table->isa, static_cast<int>(seed));
      packs.TakeAll();  // the plans go on with what they hold
      const Tensors inputs = InputsOf(*first, seed);
      CHECK(SameBits(RunPlan(*first, inputs), RunPlan(*second, inputs)));
    }
  }
}

TEST(RunsAtTheSameTimeDoNotMeet) {
  ThreadPool::Instance().SetThreads(4);
  const std::vector<const KernelTable*> tables = Tables();
  for (uint64_t seed : {5u, 16u, 34u}) {
    const RandomNet net = NetOf(seed);
    const auto plan = Compile(net.spec, *tables.back(), seed);
    if (plan == nullptr) continue;
    constexpr int kRunners = 4;
    std::atomic<int> wrong{0};
    std::vector<std::thread> runners;
    for (int r = 0; r < kRunners; ++r) {
      runners.emplace_back([&, r] {
        const auto own = Compile(net.spec, *tables.back(), seed);
        const Tensors inputs = InputsOf(*plan, 100 + static_cast<uint64_t>(r)), expected = RunPlan(*own, inputs);
        for (int round = 0; round < 25; ++round)
          wrong += !SameBits(expected, RunPlan(*plan, inputs, 1 + (r + round) % 4));
      });
    }
    for (std::thread& runner : runners) runner.join();
    CHECK(wrong == 0, "net %d: %d runs of %d", static_cast<int>(seed), wrong.load(), 25 * kRunners);
  }
  ThreadPool::Instance().SetThreads(0);
}

TEST(AStoppedRunSaysSoAndThePlanGoesOn) {
  const RandomNet net = NetOf(12);
  for (const KernelTable* table : Tables()) {
    const auto plan = Compile(net.spec, *table, 12);
    if (plan == nullptr) continue;
    const Tensors inputs = InputsOf(*plan, 1), expected = RunPlan(*plan, inputs);
    const std::atomic<bool> stop{true};
    Tensors outputs;
    CHECK(RunInto(*plan, inputs, 2, &stop, &outputs).code == Code::kAborted);
    CHECK(SameBits(expected, RunPlan(*plan, inputs, 2)), "%s", table->isa);
  }
}

// Concatenations, splits and shuffles only say where channels come from: they move once, when a step reads the result,
// and not at all where they lie in order from a block boundary on.
TEST(ChannelsMoveWhenTheyAreRead) {
  const auto input = [](Net& net, int64_t channels) { return net.Input({2, channels, 5, 4}); };
  // The identity, blocked.
  const auto copy = [](Net& net, int v) { return net.Step("pool2d", {v}, net.shape(v), Pool2dSpec{}); };
  const auto blocked = [&](Net& net, int64_t channels) { return copy(net, input(net, channels)); };
  const auto concat = [](Net& net, const std::vector<int>& parts) {
    Shape whole = net.shape(parts[0]);
    for (size_t i = 1; i < parts.size(); ++i) whole[1] += net.shape(parts[i])[1];
    return net.Step("concat", parts, whole, ConcatSpec{1});
  };
  const auto shuffle = [](Net& net, int v, int64_t groups) {
    return net.Step("channelShuffle", {v}, net.shape(v), ChannelShuffleSpec{groups});
  };
  struct Case {
    const char* name;
    std::function<void(Net&)> build;
    size_t moves;
  };
  const Case cases[] = {
      {"units of which half passes",
       [&](Net& net) {
         int x = blocked(net, 58);
         for (int unit = 0; unit < 3; ++unit) {
           const std::vector<int> halves = net.Split(x, {29, 29});
           x = shuffle(net, concat(net, {halves[0], copy(net, halves[1])}), 2);
         }
         net.Output(copy(net, x));
       },
       4},
      {"parts of a concatenation",
       [&](Net& net) {
         const int whole = concat(net, {blocked(net, 5), blocked(net, 7), blocked(net, 20)});
         for (int part : net.Split(whole, {5, 7, 20})) net.Output(copy(net, part));
       },
       0},
      {"shuffled back", [&](Net& net) { net.Output(copy(net, shuffle(net, shuffle(net, blocked(net, 30), 2), 15))); },
       0},
      {"whole blocks",
       [&](Net& net) {
         for (int part : net.Split(blocked(net, 69), {32, 37})) net.Output(copy(net, part));
       },
       0},
      {"read twice",
       [&](Net& net) {
         const int whole = concat(net, {blocked(net, 3), blocked(net, 4)});
         net.Output(copy(net, whole));
         net.Output(copy(net, whole));
       },
       1},
      {"half of it read, half of it nothing",
       [&](Net& net) {
         const std::vector<int> parts = net.Split(blocked(net, 9), {4, 5, 0});
         net.Output(copy(net, parts[0]));
         net.Output(parts[2]);
       },
       0},
      {"of a value that might be written over",
       [&](Net& net) {
         const int part = blocked(net, 5);
         const int whole = concat(net, {part, blocked(net, 6)});
         net.Output(net.Step("unary", {part}, net.shape(part), UnarySpec{Unary::kTanh, 0, 0}));
         net.Output(copy(net, whole));
       },
       1},
      {"an output",
       [&](Net& net) {
         net.Output(concat(net, {blocked(net, 5), blocked(net, 6)}));
       },
       1},
      {"with a constant",
       [&](Net& net) {
         std::vector<float> values(2 * 3 * 20);
         Random(1).Fill(values, -1, 1);
         const int constant = net.Constant({2, 3, 5, 4}, values);
         net.Output(copy(net, concat(net, {blocked(net, 5), constant})));
       },
       1},
      {"into its place in another concatenation",
       [&](Net& net) {
         net.Output(copy(net, concat(net, {shuffle(net, blocked(net, 32), 4), blocked(net, 7)})));
       },
       1},
      {"into a border",
       [&](Net& net) {
         Conv2dSpec conv;
         conv.pads = {1, 1, 1, 1};
         const int x = concat(net, {blocked(net, 3), blocked(net, 2)});
         net.Output(
             net.Step("conv2d", {x, net.Constant({1, 5, 3, 3}, std::vector<float>(45, 0.1f))}, {2, 1, 5, 4}, conv));
       },
       1},
  };
  for (const Case& c : cases) {
    Net net;
    c.build(net);
    for (const KernelTable* table : Tables()) {
      const auto plan = Compile(net.spec, *table, 0);
      if (plan == nullptr) continue;
      size_t moves = 0;
      for (size_t i = 0; i < plan->step_count(); ++i) moves += plan->step_info(i).kernel == "channel map";
      CHECK(moves == c.moves, "%s %s: %zu moves", table->isa, c.name, moves);
      const Tensors inputs = InputsOf(*plan, 1);
      const double distance = Distance(NetReference(net.spec, inputs).Outputs(), RunPlan(*plan, inputs, 2));
      CHECK(distance < 1e-6, "%s %s: differs by %g", table->isa, c.name, distance);
    }
  }
}

// What the addon's reader cannot see: values that do not belong together.
TEST(MismatchesAreRefused) {
  struct Case {
    const char* name;
    Shape x, w, y;
    int64_t groups;
  };
  const Case cases[] = {{"channels", {1, 8, 5, 5}, {4, 7, 1, 1}, {1, 4, 5, 5}, 1},
                        {"groups", {1, 8, 5, 5}, {4, 2, 1, 1}, {1, 4, 5, 5}, 3},
                        {"no groups", {1, 8, 5, 5}, {4, 8, 1, 1}, {1, 4, 5, 5}, 0},
                        {"batch", {2, 8, 5, 5}, {4, 8, 1, 1}, {1, 4, 5, 5}, 1},
                        {"outputs", {1, 8, 5, 5}, {4, 8, 1, 1}, {1, 5, 5, 5}, 1}};
  for (const KernelTable* table : Tables()) {
    for (const Case& c : cases) {
      Net net;
      const int x = net.Input(c.x);
      const int w = net.Constant(c.w, std::vector<float>(static_cast<size_t>(ElementCount(c.w)), 1.f));
      Conv2dSpec conv;
      conv.groups = c.groups;
      net.Output(net.Step("conv2d", {x, w}, c.y, conv));
      PackCache packs;
      std::unique_ptr<Plan> plan;
      CHECK(!Plan::Create(net.spec, *table, packs, &plan).ok(), "%s %s", table->isa, c.name);
      CHECK(plan == nullptr);
    }
    // A residual of another shape than the output.
    Net net;
    const int x = net.Input({1, 8, 5, 5}), wrong = net.Input({1, 8, 5, 4});
    Conv2dSpec conv;
    conv.epilogue.residual = wrong;
    net.Output(net.Step("conv2d", {x, net.Constant({8, 8, 1, 1}, std::vector<float>(64, 1.f))}, {1, 8, 5, 5}, conv));
    PackCache packs;
    std::unique_ptr<Plan> plan;
    CHECK(!Plan::Create(net.spec, *table, packs, &plan).ok(), "%s residual", table->isa);
  }
}

}  // namespace
}  // namespace lanewise::test
