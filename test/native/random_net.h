// Small random networks as plan descriptions: convolutions of every form with their epilogues, pooling, sums, products,
// concatenation, splits, shuffles and resizing, wired so that values live for different times and are read in several
// layouts.
#pragma once
#include <cmath>
#include <deque>
#include <string>
#include <vector>

#include "core/plan_spec.h"
#include "reference.h"

namespace lanewise::test {

class Net {
 public:
  PlanSpec spec;

  int Value(const std::string& name, const Shape& shape) {
    spec.values.push_back({name, shape, nullptr, kNone});
    return static_cast<int>(spec.values.size()) - 1;
  }
  int Input(const Shape& shape, PortLayout layout = PortLayout::kNchw) {
    spec.inputs.push_back({Value("input", shape), layout});
    return spec.inputs.back().value;
  }
  int Constant(const Shape& shape, std::vector<float> values) {
    constants_.push_back(std::move(values));
    const int v = Value("constant", shape);
    spec.values.back().data = constants_.back().data();
    spec.values.back().constant_id = v;
    return v;
  }
  int Step(const std::string& op, const std::vector<int>& inputs, const Shape& shape, OpSpec op_spec) {
    const int y = Value(op, shape);
    spec.steps.push_back({op, op + " " + std::to_string(spec.steps.size()), inputs, {y}, std::move(op_spec)});
    return y;
  }
  std::vector<int> Split(int x, const std::vector<int64_t>& channels) {
    Shape part = shape(x);
    StepSpec step{"split", "split " + std::to_string(spec.steps.size()), {x}, {}, SplitSpec{1}};
    for (int64_t count : channels) {
      part[1] = count;
      step.outputs.push_back(Value("part", part));
    }
    spec.steps.push_back(step);
    return step.outputs;
  }
  void Output(int v, PortLayout layout = PortLayout::kNchw) { spec.outputs.push_back({v, layout}); }
  // A copy: the list of values grows.
  Shape shape(int v) const { return spec.values[static_cast<size_t>(v)].shape; }

 private:
  std::deque<std::vector<float>> constants_;  // a deque: they stay where they are
};

class RandomNet : public Net {
 public:
  RandomNet(uint64_t seed, size_t steps, int64_t most_rows = 14) : random_(seed) {
    const Shape shape = {Between(1, 3), Between(1, 24), Between(3, most_rows), Between(3, 14)};
    values_.push_back(Input(shape, random_.Below(2) == 0 ? PortLayout::kNchw : PortLayout::kNhwc));
    if (random_.Below(3) == 0) values_.push_back(Input(shape));
    while (values_.size() < steps) AddStep();
    Output(values_.back(), random_.Below(3) == 0 ? PortLayout::kNhwc : PortLayout::kNchw);
    // Values from the middle keep their place until the end; one may be an input, or asked for twice.
    for (size_t i = random_.Below(3); i > 0; --i) Output(values_[random_.Below(values_.size())]);
  }

 private:
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_.Below(static_cast<size_t>(high - low + 1)));
  }
  std::vector<float> Numbers(int64_t count, float most) {
    std::vector<float> values(static_cast<size_t>(count));
    random_.Fill(values, -most, most);
    return values;
  }
  int PerChannel(int64_t channels) { return Constant({channels}, Numbers(channels, 1)); }
  // Recent values more often than old ones.
  int Pick() { return values_[values_.size() - 1 - random_.Below(random_.Below(values_.size()) + 1)]; }
  int PickLike(const Shape& shape, int not_this) {
    for (size_t i = values_.size(); i-- > 0;) {
      if (values_[i] != not_this && this->shape(values_[i]) == shape && random_.Below(3) != 0) return values_[i];
    }
    return kNone;
  }
  Activation AnyActivation() {
    constexpr Act kinds[] = {Act::kNone,      Act::kRelu,    Act::kClip, Act::kLeakyRelu, Act::kHardSigmoid,
                             Act::kHardSwish, Act::kSigmoid, Act::kSilu, Act::kTanh,      Act::kGelu};
    const Act kind = kinds[random_.Below(std::size(kinds))];
    if (kind == Act::kClip) return {kind, -0.5f, 1.f};
    return {kind, 1 / 6.f, 0.5f};
  }

  void AddStep() {
    const int x = Pick();
    const Shape s = shape(x);
    int y = kNone;
    switch (random_.Below(15)) {
      case 0: y = Pool(x); break;
      case 1:
        y = Step("globalPool", {x}, {s[0], s[1], 1, 1},
                 GlobalPoolSpec{random_.Below(2) == 0 ? PoolKind::kAvg : PoolKind::kMax});
        break;
      case 2: y = Combine(x); break;
      case 3: y = Concat(x); break;
      case 4: y = Step("unary", {x}, s, UnarySpec{Unary::kTanh, 0, 0}); break;
      case 5: y = Step("scale", {x, PerChannel(s[1]), PerChannel(s[1])}, s, ScaleSpec{AnyActivation()}); break;
      case 6:
        if (s[1] % 2 == 0) y = Step("channelShuffle", {x}, s, ChannelShuffleSpec{2});
        break;
      case 7:
        if (s[2] * s[3] < 100)
          y = Step("resize2d", {x}, {s[0], s[1], 2 * s[2], 2 * s[3]},
                   Resize2dSpec{ResizeMode::kLinear, Coordinates::kHalfPixel, Rounding::kPreferFloor, 2, 2});
        break;
      case 8:
        if (s[1] > 1) {
          const int64_t first = Between(1, s[1] - 1);
          values_.push_back(Split(x, {first, s[1] - first})[0]);
          y = spec.steps.back().outputs[1];
        }
        break;
      default: y = Convolution(x); break;
    }
    if (y != kNone) values_.push_back(y);
  }

  int Pool(int x) {
    const Shape s = shape(x);
    Pool2dSpec pool;
    pool.kind = random_.Below(2) == 0 ? PoolKind::kAvg : PoolKind::kMax;
    pool.kernel = {Between(1, std::min<int64_t>(3, s[2])), Between(1, std::min<int64_t>(3, s[3]))};
    pool.strides = {Between(1, 2), Between(1, 2)};
    pool.pads = {pool.kernel.h / 2, pool.kernel.w / 2, pool.kernel.h / 2, pool.kernel.w / 2};
    const int64_t h = (s[2] + 2 * pool.pads.top - pool.kernel.h) / pool.strides.h + 1;
    const int64_t w = (s[3] + 2 * pool.pads.left - pool.kernel.w) / pool.strides.w + 1;
    return Step("pool2d", {x}, {s[0], s[1], h, w}, pool);
  }

  int Combine(int x) {
    const Shape s = shape(x);
    int other = PickLike(s, kNone);
    if (random_.Below(3) == 0) {
      const int gate = PickLike({s[0], s[1], 1, 1}, kNone);
      if (gate != kNone) other = gate;
    }
    if (other == kNone) return kNone;
    return Step("binary", {x, other}, s, BinarySpec{random_.Below(2) == 0 ? Binary::kAdd : Binary::kMul, {}});
  }

  int Concat(int x) {
    Shape s = shape(x);
    std::vector<int> inputs = {x};
    for (int v : values_) {
      const Shape t = shape(v);
      if (inputs.size() < 4 && t[0] == s[0] && t[2] == s[2] && t[3] == s[3] && random_.Below(2) == 0)
        inputs.push_back(v);
    }
    s[1] = 0;
    for (int v : inputs) s[1] += shape(v)[1];
    if (s[1] > 64) return kNone;
    return Step("concat", inputs, s, ConcatSpec{1});
  }

  int Convolution(int x) {
    const Shape s = shape(x);
    Conv2dSpec conv;
    const int64_t c = s[1];
    // Depthwise, with a multiplier, groups of four, unlike groups, dense.
    int64_t o = Between(1, 40);
    switch (random_.Below(6)) {
      case 0: conv.groups = c, o = c; break;
      case 1: conv.groups = c, o = 2 * c; break;
      case 2:
        if (c % 4 == 0) conv.groups = c / 4, o = c;
        break;
      case 3:
        if (c % 3 == 0) conv.groups = 3, o = 3 * Between(1, 7);
        break;
      default: break;
    }
    const int64_t kh = 1 + 2 * Between(0, 1), kw = random_.Below(4) == 0 ? 1 + 2 * Between(0, 2) : kh;
    conv.dilations = {Between(1, 4) == 4 ? 2 : 1, Between(1, 4) == 4 ? 2 : 1};
    conv.strides = {Between(1, 3) == 3 ? 2 : 1, Between(1, 3) == 3 ? 2 : 1};
    const int64_t reach_h = conv.dilations.h * (kh - 1), reach_w = conv.dilations.w * (kw - 1);
    conv.pads = {reach_h / 2, Between(0, reach_w), reach_h - reach_h / 2, 0};
    conv.pads.right = reach_w - conv.pads.left;
    if (random_.Below(5) == 0 && s[2] > reach_h) conv.pads.top = conv.pads.bottom = 0;
    const Shape y = {s[0], o, (s[2] + conv.pads.top + conv.pads.bottom - reach_h - 1) / conv.strides.h + 1,
                     (s[3] + conv.pads.left + conv.pads.right - reach_w - 1) / conv.strides.w + 1};
    if (random_.Below(6) == 0) conv.pad_value = PerChannel(c);
    const Shape w = {o, c / conv.groups, kh, kw};
    const auto depth = static_cast<float>(w[1] * kh * kw);
    const int weights = Constant(w, Numbers(ElementCount(w), 1.7f / std::sqrt(depth)));
    EpilogueSpec& e = conv.epilogue;
    if (random_.Below(4) != 0) e.bias = PerChannel(o);
    if (random_.Below(4) == 0) e.scale = PerChannel(o), e.shift = PerChannel(o);
    e.activation = AnyActivation();
    if (random_.Below(2) == 0) {
      e.residual = PickLike(y, kNone);
      e.add_after_activation = e.residual != kNone && random_.Below(2) == 0;
    }
    if (random_.Below(3) == 0) e.gate = PickLike(random_.Below(2) == 0 ? y : Shape{y[0], y[1], 1, 1}, kNone);
    return Step("conv2d", {x, weights}, y, conv);
  }

  Random random_;
  std::vector<int> values_;  // rank 4, that steps may read
};

}  // namespace lanewise::test
