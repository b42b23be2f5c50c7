// Operators through a whole plan, against a reference over logical (row-major) tensors. Every case runs on every ISA,
// with plain and with blocked inputs, with its outputs read directly or by a step that wants them blocked, and on one
// thread and on two.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/plan.h"
#include "reference.h"

namespace lanewise::test {

using Values = std::vector<float>;
using Position = std::vector<int64_t>;

inline size_t IndexOf(const Shape& shape, const Position& at) {
  int64_t index = 0;
  for (size_t i = 0; i < shape.size(); ++i) index = index * shape[i] + at[i];
  return static_cast<size_t>(index);
}

// The elements of a tensor, from what each position holds.
inline Values Tabulate(const Shape& shape, const std::function<double(const Position&)>& element) {
  Values values;
  Position at(shape.size(), 0);
  for (int64_t i = 0; i < ElementCount(shape); ++i) {
    int64_t rest = i;
    for (size_t axis = shape.size(); axis-- > 0; rest /= shape[axis]) at[axis] = rest % shape[axis];
    values.push_back(static_cast<float>(element(at)));
  }
  return values;
}

struct OperatorCase {
  std::string op;
  std::vector<Shape> inputs, outputs;
  OpSpec spec;
  std::function<std::vector<Values>(const std::vector<Values>&)> reference;
  double bound = 0;  // 0: exact
};

namespace operators {

// A max pooling of 1x1: the identity, with blocked input and output.
inline int AddBlockedCopy(PlanSpec& plan, int value) {
  plan.values.push_back({"blocked", plan.values[static_cast<size_t>(value)].shape, nullptr, kNone});
  StepSpec step{"pool2d", "copy", {value}, {static_cast<int>(plan.values.size()) - 1}, Pool2dSpec{}};
  plan.steps.push_back(step);
  return step.outputs[0];
}

inline PlanSpec PlanOf(const OperatorCase& c, bool blocked_inputs, bool blocked_outputs) {
  PlanSpec plan;
  StepSpec step{c.op, "case", {}, {}, c.spec};
  for (const Shape& shape : c.inputs) {
    plan.values.push_back({"input", shape, nullptr, kNone});
    const int v = static_cast<int>(plan.values.size()) - 1;
    plan.inputs.push_back({v, PortLayout::kNchw});
  }
  for (const PortSpec& input : plan.inputs) {
    const bool copied = blocked_inputs && plan.values[static_cast<size_t>(input.value)].shape.size() == 4;
    step.inputs.push_back(copied ? AddBlockedCopy(plan, input.value) : input.value);
  }
  for (const Shape& shape : c.outputs) {
    plan.values.push_back({"output", shape, nullptr, kNone});
    step.outputs.push_back(static_cast<int>(plan.values.size()) - 1);
  }
  plan.steps.push_back(step);
  for (int v : step.outputs) {
    const bool copied = blocked_outputs && plan.values[static_cast<size_t>(v)].shape.size() == 4;
    plan.outputs.push_back({copied ? AddBlockedCopy(plan, v) : v, PortLayout::kNchw});
  }
  return plan;
}

inline std::string Describe(const OperatorCase& c, const KernelTable& table, bool blocked_inputs) {
  std::string text = std::string(table.isa) + " " + c.op + (blocked_inputs ? " blocked" : " plain");
  for (const Shape& shape : c.inputs) {
    text += " [";
    for (int64_t d : shape) text += " " + std::to_string(d);
    text += " ]";
  }
  return text;
}

}  // namespace operators

inline void CheckOperator(const OperatorCase& c, uint64_t seed) {
  std::vector<Values> inputs;
  std::vector<const float*> input_data;
  Random random(seed);
  for (const Shape& shape : c.inputs) {
    inputs.push_back(Tabulate(shape, [&](const Position&) { return static_cast<double>(random.Below(101)) - 50; }));
  }
  for (const Values& values : inputs) input_data.push_back(values.data());
  const std::vector<Values> expected = c.reference(inputs);
  for (const KernelTable* table : Tables()) {
    for (int variant = 0; variant < 4; ++variant) {
      const bool blocked_inputs = (variant & 1) != 0, blocked_outputs = (variant & 2) != 0;
      const std::string what = operators::Describe(c, *table, blocked_inputs);
      const PlanSpec spec = operators::PlanOf(c, blocked_inputs, blocked_outputs);
      PackCache packs;
      std::unique_ptr<Plan> plan;
      const Status created = Plan::Create(spec, *table, packs, &plan);
      CHECK(created.ok(), "%s: %s", what.c_str(), created.message.c_str());
      if (!created.ok()) continue;
      std::vector<Values> outputs;
      std::vector<float*> output_data;
      for (const Values& values : expected) outputs.emplace_back(values.size(), kNan);
      for (Values& values : outputs) output_data.push_back(values.data());
      RunOptions options;
      options.inputs = input_data.data();
      options.outputs = output_data.data();
      options.threads = 1 + variant % 2;
      const Status ran = plan->Run(options);
      CHECK(ran.ok(), "%s: %s", what.c_str(), ran.message.c_str());
      for (size_t o = 0; o < outputs.size(); ++o) {
        for (size_t i = 0; i < outputs[o].size(); ++i) {
          const bool near = Near(outputs[o][i], expected[o][i], c.bound);
          CHECK(near, "%s output %zu element %zu: %g, not %g", what.c_str(), o, i, outputs[o][i], expected[o][i]);
          if (!near) break;
        }
      }
    }
  }
}

// Extents around a block of channels and small ones elsewhere; now and then nothing at all.
inline Shape RandomShape(Random& random, size_t rank) {
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    const size_t most = rank == 4 && i == 1 ? 40 : i == 0 ? 2 : 9;
    shape.push_back(static_cast<int64_t>(1 + random.Below(most)));
  }
  if (random.Below(30) == 0) shape[random.Below(rank)] = 0;
  return shape;
}

inline int64_t Between(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random.Below(static_cast<size_t>(high - low + 1)));
}

}  // namespace lanewise::test
