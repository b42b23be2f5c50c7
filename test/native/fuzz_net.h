// What the libFuzzer targets share: geometry out of fuzzed bytes, and one small network run on every ISA of the
// machine.
//
// The bytes choose shapes, attributes and epilogues; numbers come from a generator that they seed. Plans are so small
// that a million of them take minutes. AddressSanitizer watches the kernels at the edges of inputs, outputs, arena and
// packed weights; the comparison watches everything else.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/plan.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {

// The fuzzer's bytes, in order; zeros when they have run out.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  uint8_t Byte() { return at_ < size_ ? data_[at_++] : 0; }
  bool empty() const { return at_ >= size_; }
  int64_t Between(int64_t low, int64_t high) { return low + Byte() % (high - low + 1); }
  bool Flag() { return (Byte() & 1) != 0; }
  bool OneIn(int n) { return Byte() % n == 0; }
  uint64_t Seed() { return Byte() | uint64_t{Byte()} << 8; }

 private:
  const uint8_t* data_;
  size_t size_, at_ = 0;
};

[[noreturn]] inline void Die(const std::string& what) {
  std::fprintf(stderr, "==FUZZ== %s\n", what.c_str());
  std::abort();
}

// A network whose constants are as large as their shapes say.
class FuzzNet : public Net {
 public:
  explicit FuzzNet(Bytes& bytes) : random_(bytes.Seed()) {}

  int Numbers(const Shape& shape, float most = 1) {
    std::vector<float> values(static_cast<size_t>(ElementCount(shape)));
    random_.Fill(values, -most, most);
    if (values.empty()) values.push_back(0);  // what makes a constant of no elements one
    return Constant(shape, std::move(values));
  }
  // Weights that keep sums near 1.
  int Weights(const Shape& shape, int64_t depth) { return Numbers(shape, 1.7f / std::sqrt(static_cast<float>(depth))); }
  Random& random() { return random_; }

 private:
  Random random_;
};

using Tensors = std::vector<std::vector<float>>;

struct Outcome {
  Status status;
  Tensors outputs;
};

inline Outcome RunOn(const KernelTable& table, const PlanSpec& spec, const Tensors& inputs,
                     const PlanOptions& options) {
  PackCache packs;
  std::unique_ptr<Plan> plan;
  Outcome outcome;
  outcome.status = Plan::Create(spec, table, packs, &plan, options);
  if (!outcome.status.ok()) return outcome;
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const auto& input : inputs) in.push_back(input.data());
  for (const PortInfo& port : plan->outputs()) outcome.outputs.emplace_back(static_cast<size_t>(port.elements()), kNan);
  for (auto& output : outcome.outputs) out.push_back(output.data());
  RunOptions run;
  run.inputs = in.data();
  run.outputs = out.data();
  outcome.status = plan->Run(run);
  return outcome;
}

inline Tensors InputsOf(const PlanSpec& spec, Random& random, float most = 1) {
  Tensors inputs;
  for (const PortSpec& port : spec.inputs) {
    inputs.emplace_back(static_cast<size_t>(ElementCount(spec.values[static_cast<size_t>(port.value)].shape)));
    random.Fill(inputs.back(), -most, most);
  }
  return inputs;
}

// What the ISAs owe each other: those that fuse the same bits where the contract promises them, everybody else a
// distance relative to the larger of 1 and the result.
struct Agreement {
  bool bits;
  double bound;
};

inline void CheckNear(const KernelTable& table, const Outcome& now, const Outcome& wanted, double bound) {
  for (size_t i = 0; i < now.outputs.size(); ++i) {
    for (size_t k = 0; k < now.outputs[i].size(); ++k) {
      const float x = now.outputs[i][k], want = wanted.outputs[i][k];
      if (!Near(x, want, bound * std::fmax(1, std::fabs(static_cast<double>(want)))))
        Die(std::string(table.isa) + ": output " + std::to_string(i) + " element " + std::to_string(k) + " is " +
            std::to_string(x) + ", not " + std::to_string(want));
    }
  }
}

// `with_scalar`: the portable kernels are ten times slower under the sanitizers, so a target asks for them now and
// then.
inline void CheckEverywhere(FuzzNet& net, const PlanOptions& options, const Agreement& agreement, bool with_scalar) {
  static const std::vector<const KernelTable*> all = Tables();
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : all)
    if (with_scalar || IsFused(*table) || all.size() == 1) tables.push_back(table);
  const Tensors inputs = InputsOf(net.spec, net.random());
  Outcome first, fused;
  for (const KernelTable* table : tables) {
    Outcome now = RunOn(*table, net.spec, inputs, options);
    if (!now.status.ok() && now.status.code == Code::kInternal)
      Die(std::string(table->isa) + ": " + now.status.message);
    if (table != tables.front() && now.status.ok() != first.status.ok())
      Die(std::string(table->isa) + " and " + tables.front()->isa +
          " disagree whether the plan is valid: " + now.status.message + first.status.message);
    if (now.status.ok()) {
      const bool compare_bits = agreement.bits && IsFused(*table) && !fused.outputs.empty();
      for (size_t i = 0; compare_bits && i < now.outputs.size(); ++i) {
        for (size_t k = 0; k < now.outputs[i].size(); ++k) {
          const float x = now.outputs[i][k];
          if (!SameBits(x, fused.outputs[i][k]))
            Die(std::string(table->isa) + ": other bits at output " + std::to_string(i) + " element " +
                std::to_string(k) + ": " + std::to_string(x) + ", not " + std::to_string(fused.outputs[i][k]));
        }
      }
      if (!first.outputs.empty()) CheckNear(*table, now, first, agreement.bound);
    }
    if (table == tables.front()) first = now;
    if (IsFused(*table) && fused.outputs.empty()) fused = std::move(now);
  }
}

// ---- pieces of networks that several targets draw

inline Activation AnyActivation(Bytes& bytes) {
  constexpr Act kinds[] = {Act::kNone,    Act::kRelu, Act::kClip, Act::kLeakyRelu, Act::kHardSigmoid, Act::kHardSwish,
                           Act::kSigmoid, Act::kSilu, Act::kTanh, Act::kGelu,      Act::kGeluTanh};
  const Act kind = kinds[static_cast<size_t>(bytes.Between(0, std::size(kinds) - 1))];
  if (kind == Act::kClip) return {kind, -0.5f, 0.75f};
  return {kind, 1 / 6.f, 0.5f};
}

// Every part of an epilogue over a result of `shape`, each there or not.
inline EpilogueSpec AnyEpilogue(Bytes& bytes, FuzzNet& net, const Shape& shape, int64_t channels) {
  EpilogueSpec e;
  const uint8_t parts = bytes.Byte();
  if (parts & 1) e.bias = net.Numbers({channels});
  if (parts & 2) e.scale = net.Numbers({channels}), e.shift = net.Numbers({channels});
  if (parts & 4) e.residual = net.Input(shape);
  if (parts & 8) e.gate = net.Input(shape);
  if ((parts & 24) == 24 && shape.size() == 4) net.spec.values.back().shape = {shape[0], shape[1], 1, 1};
  e.add_after_activation = (parts & 36) == 36;
  e.activation = AnyActivation(bytes);
  if (parts & 64) {
    e.activation = {Act::kPrelu, 0, 0};
    e.slope = net.Numbers({channels});
  }
  return e;
}

struct FuzzedConv {
  int64_t images, channels, outputs, groups, height, width, kernel_h, kernel_w;
};

// Of strides and dilations: all 1, those that Winograd's algorithm has, any.
enum class Window { kPlain, kWinograd, kAny };
inline Window PlainOrAny(Bytes& bytes) { return bytes.Flag() ? Window::kPlain : Window::kAny; }

// A convolution over an input of any layout, its attributes drawn from the bytes. False when no window fits.
inline bool AddConvolution(Bytes& bytes, FuzzNet& net, const FuzzedConv& form, Window window) {
  Conv2dSpec conv;
  conv.groups = form.groups;
  if (window == Window::kWinograd) {
    conv.strides.h = conv.strides.w = bytes.Between(1, 2);
  } else if (window == Window::kAny) {
    conv.strides = {bytes.Between(1, 3), bytes.Between(1, 3)};
    conv.dilations = {bytes.Between(1, 2), bytes.Between(1, 2)};
  }
  const int64_t reach_h = conv.dilations.h * (form.kernel_h - 1) + 1;
  const int64_t reach_w = conv.dilations.w * (form.kernel_w - 1) + 1;
  conv.pads = {bytes.Between(0, reach_h - 1), bytes.Between(0, reach_w - 1), bytes.Between(0, reach_h - 1),
               bytes.Between(0, reach_w - 1)};
  const int64_t room_h = form.height + conv.pads.top + conv.pads.bottom - reach_h;
  const int64_t room_w = form.width + conv.pads.left + conv.pads.right - reach_w;
  if (room_h < 0 || room_w < 0) return false;
  const Shape y = {form.images, form.outputs, room_h / conv.strides.h + 1, room_w / conv.strides.w + 1};
  int x = net.Input({form.images, form.channels, form.height, form.width},
                    bytes.Flag() ? PortLayout::kNhwc : PortLayout::kNchw);
  if (bytes.Flag()) x = net.Step("unary", {x}, net.shape(x), UnarySpec{Unary::kTanh, 0, 0});
  if (bytes.OneIn(6)) conv.pad_value = net.Numbers({form.channels});
  const int64_t inputs = form.channels / form.groups;
  const int w =
      net.Weights({form.outputs, inputs, form.kernel_h, form.kernel_w}, inputs * form.kernel_h * form.kernel_w);
  conv.epilogue = AnyEpilogue(bytes, net, y, form.outputs);
  net.Output(net.Step("conv2d", {x, w}, y, conv), bytes.Flag() ? PortLayout::kNhwc : PortLayout::kNchw);
  return true;
}

}  // namespace lanewise::test
