// Steps joined in strips of rows give the bits of the same steps one after the other.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "core/plan.h"
#include "core/reorder.h"
#include "core/step.h"
#include "epilogue_cases.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

struct Writer {
  const char* name;
  int64_t inputs, outputs, kernel, stride, pad;
  Activation activation;
};
constexpr Writer kWriters[] = {
    {"stem", 3, 20, 3, 2, 1, {Act::kRelu}},
    {"7x7 stem", 1, 8, 7, 2, 3, {}},
    {"1x1", 20, 37, 1, 1, 0, {Act::kSilu}},
    {"1x1 to whole blocks", 16, 48, 1, 1, 0, {Act::kHardSwish, 1 / 6.f, 0.5f}},
};

struct Reader {
  const char* name;
  int64_t group;  // channels; 0: a pooling
  PoolKind pool;
  int64_t kernel, stride, dilation, before, after;
};
constexpr Reader kReaders[] = {
    {"depthwise 3x3", 1, {}, 3, 1, 1, 1, 1},
    {"depthwise 3x3s2", 1, {}, 3, 2, 1, 1, 1},
    {"depthwise 3x3s2, padded at the end", 1, {}, 3, 2, 1, 0, 1},
    {"depthwise 3x3 without padding", 1, {}, 3, 1, 1, 0, 0},
    {"depthwise 3x3, dilated", 1, {}, 3, 1, 2, 2, 2},
    {"depthwise 5x5", 1, {}, 5, 1, 1, 2, 2},
    {"depthwise 1x1s3", 1, {}, 1, 3, 1, 0, 0},
    {"grouped 3x3", 4, {}, 3, 1, 1, 1, 1},
    {"max 3x3s2", 0, PoolKind::kMax, 3, 2, 1, 1, 1},
    {"max 2x2s2", 0, PoolKind::kMax, 2, 2, 1, 0, 0},
    {"average 3x3", 0, PoolKind::kAvg, 3, 1, 1, 1, 1},
};

struct StripNet : Net {
  StripNet(const Writer& a, const Reader& b, int64_t images, int64_t rows, int64_t cols) {
    Random random(7);
    const auto numbers = [&](int64_t count) {
      std::vector<float> values(static_cast<size_t>(count));
      random.Fill(values, -1, 1);
      return values;
    };
    const auto out = [](int64_t extent, int64_t reach, int64_t stride, int64_t pads) {
      return (extent + pads - reach) / stride + 1;
    };
    // A group of four must not have a part.
    const int64_t c = a.outputs / 4 * 4 == a.outputs || b.group != 4 ? a.outputs : a.outputs / 4 * 4;
    const int x = Input({images, a.inputs, rows, cols});
    Conv2dSpec first;
    first.strides = {a.stride, a.stride};
    first.pads = {a.pad, a.pad, a.pad, a.pad};
    first.epilogue.activation = a.activation;
    first.epilogue.bias = Constant({c}, numbers(c));
    const Shape w = {c, a.inputs, a.kernel, a.kernel};
    const Shape between = {images, c, out(rows, a.kernel, a.stride, 2 * a.pad),
                           out(cols, a.kernel, a.stride, 2 * a.pad)};
    const int v = Step("conv2d", {x, Constant(w, numbers(ElementCount(w)))}, between, first);
    const int64_t reach = (b.kernel - 1) * b.dilation + 1, pads = b.before + b.after;
    const Shape y = {images, c, out(between[2], reach, b.stride, pads), out(between[3], reach, b.stride, pads)};
    const Pads around = {b.before, b.before, b.after, b.after};
    if (b.group == 0) {
      Output(
          Step("pool2d", {v}, y, Pool2dSpec{b.pool, {b.kernel, b.kernel}, {b.stride, b.stride}, {1, 1}, around, true}));
      return;
    }
    Conv2dSpec second;
    second.strides = {b.stride, b.stride};
    second.dilations = {b.dilation, b.dilation};
    second.pads = around;
    second.groups = c / b.group;
    second.epilogue.activation = {Act::kRelu};
    const Shape kernel = {c, b.group, b.kernel, b.kernel};
    Output(Step("conv2d", {v, Constant(kernel, numbers(ElementCount(kernel)))}, y, second));
  }
};

struct Result {
  std::vector<float> output;
  bool joined = false;
};

Result RunNet(const Net& net, const KernelTable& table, int threads, int64_t strip_bytes) {
  PlanOptions options;
  options.threads = threads;
  options.strip_bytes = strip_bytes;
  PackCache packs;
  std::unique_ptr<Plan> plan;
  const Status status = Plan::Create(net.spec, table, packs, &plan, options);
  CHECK(status.ok(), "%s: %s", table.isa, status.message.c_str());
  Result result;
  if (plan == nullptr) return result;
  for (size_t i = 0; i < plan->step_count(); ++i) {
    result.joined |= plan->step_info(i).kernel.find(" > ") != std::string::npos;
  }
  Random random(3);
  std::vector<std::vector<float>> inputs, outputs;
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const PortInfo& port : plan->inputs()) inputs.emplace_back(static_cast<size_t>(port.elements()));
  for (const PortInfo& port : plan->outputs()) outputs.emplace_back(static_cast<size_t>(port.elements()), kNan);
  for (auto& input : inputs) {
    random.Fill(input, -1, 1);
    in.push_back(input.data());
  }
  for (auto& output : outputs) out.push_back(output.data());
  RunOptions run;
  run.inputs = in.data();
  run.outputs = out.data();
  run.threads = threads;
  const Status ran = plan->Run(run);
  CHECK(ran.ok(), "%s: %s", table.isa, ran.message.c_str());
  for (const auto& output : outputs) result.output.insert(result.output.end(), output.begin(), output.end());
  return result;
}

TEST(StripsGiveTheBitsOfWholeTensors) {
  int combination = 0;
  for (const KernelTable* table : Tables()) {
    for (const Writer& writer : kWriters) {
      for (const Reader& reader : kReaders) {
        if (QuickLevel() && combination++ % 9 != 0) continue;
        const StripNet net(writer, reader, /*images=*/2, /*rows=*/147, /*cols=*/21);
        for (const int threads : {1, 3}) {
          const Result whole = RunNet(net, *table, threads, /*strip_bytes=*/0);
          CHECK(!whole.joined, "strips without memory");
          int joined = 0;
          // From too little for two windows to half of the tensor.
          for (int64_t bytes = 4096; bytes < 400'000; bytes += bytes / 3) {
            const Result strips = RunNet(net, *table, threads, bytes);
            joined += strips.joined;
            CHECK(SameBits(whole.output, strips.output), "%s %s > %s, %d threads, %d bytes: other bits", table->isa,
                  writer.name, reader.name, threads, static_cast<int>(bytes));
          }
          CHECK(joined > 0, "%s %s > %s, %d threads: never joined", table->isa, writer.name, reader.name, threads);
        }
      }
    }
  }
}

// A value that somebody else reads too, or that is an output, is a whole tensor.
TEST(StripsAreForValuesWithOneReader) {
  for (const KernelTable* table : Tables()) {
    StripNet second_output(kWriters[2], kReaders[0], 1, 64, 64);
    second_output.Output(second_output.spec.steps[0].outputs[0]);
    CHECK(!RunNet(second_output, *table, 1, 65536).joined, "%s: an output was joined", table->isa);
    StripNet read_twice(kWriters[2], kReaders[0], 1, 64, 64);
    const int v = read_twice.spec.steps[0].outputs[0];
    read_twice.Output(read_twice.Step("unary", {v}, read_twice.shape(v), UnarySpec{Unary::kAbs, 0, 0}));
    CHECK(!RunNet(read_twice, *table, 1, 65536).joined, "%s: a value that is read twice was joined", table->isa);
    CHECK(RunNet(StripNet(kWriters[2], kReaders[0], 1, 64, 64), *table, 1, 65536).joined, "%s: not joined", table->isa);
  }
}

// Keeps the number of the item that it did last in its scratch, and finds out whether what it is told of it is true.
class Chain : public Step {
 public:
  Chain(size_t items, int* continued, int* faults) : items_(items), continued_(continued), faults_(faults) {}
  size_t items() const override { return items_; }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    if (context.since < begin) {
      ++*continued_;
      *faults_ += context.scratch[0] != static_cast<float>(begin - 1);
    }
    context.scratch[0] = static_cast<float>(end - 1);
  }

 private:
  size_t items_;
  int *continued_, *faults_;
};

class Idle : public Step {
 public:
  explicit Idle(size_t items) : items_(items) {}
  size_t items() const override { return items_; }
  void Run(const RunContext&, size_t, size_t) const override {}

 private:
  size_t items_;
};

// One item of the joined step is none, one or several of the chain.
TEST(StepsInParallelKnowWhatTheirThreadDidBefore) {
  Random random(5);
  for (const size_t items : {2, 3, 8, 24}) {
    for (const size_t others : {1, 2, 8, 50}) {
      int continued = 0, faults = 0;
      const auto step =
          MakeParallel(std::make_unique<Idle>(others), std::make_unique<Chain>(items, &continued, &faults));
      for (int round = 0; round < 50; ++round) {
        constexpr size_t kThreads = 3;
        float scratch[kThreads] = {-1, -1, -1};
        size_t begin[kThreads] = {}, end[kThreads] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
        for (size_t first = 0, last, t = 0; first < step->items(); first = last) {
          last = std::min(step->items(), first + 1 + random.Below(3));
          if (random.Below(6) == 0) t = random.Below(kThreads);
          if (end[t] != first) begin[t] = first;
          end[t] = last;
          RunContext context{nullptr, &scratch[t]};
          context.since = begin[t];
          step->Run(context, first, last);
        }
      }
      CHECK(faults == 0 && continued > 0, "%d items beside %d: %d continued, %d of them wrong", static_cast<int>(items),
            static_cast<int>(others), continued, faults);
    }
  }
}

TEST(RandomNetsInStrips) {
  int joined = 0;
  for (uint64_t seed = 1; seed <= (QuickLevel() ? 30 : 300); ++seed) {
    const RandomNet net(seed, 3 + seed % 3, 60);  // short ones, where a value is often read by the next step alone
    for (const KernelTable* table : Tables()) {
      const Result whole = RunNet(net, *table, 1, 0);
      for (int64_t bytes = 500; bytes < 30000; bytes += bytes) {
        const Result strips = RunNet(net, *table, 1, bytes);
        joined += strips.joined;
        CHECK(SameBits(whole.output, strips.output), "%s net %d", table->isa, static_cast<int>(seed));
      }
    }
  }
  CHECK(joined > 0, "%d plans with strips", joined);
}

}  // namespace
}  // namespace lanewise::test
