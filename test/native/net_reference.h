// What the networks of random_net.h compute, in double, value by value, from the definitions alone: no layouts, no
// reuse of memory, no fusion. Plans that are wrong in the same way on every ISA differ from it.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "core/plan_spec.h"

namespace lanewise::test {

class NetReference {
 public:
  // `inputs` in the layouts of the ports.
  NetReference(const PlanSpec& spec, const std::vector<std::vector<float>>& inputs)
      : spec_(spec), values_(spec.values.size()) {
    for (size_t v = 0; v < values_.size(); ++v) {
      const auto count = static_cast<size_t>(ElementCount(spec.values[v].shape));
      values_[v].assign(count, 0);
      if (spec.values[v].data != nullptr) std::copy_n(spec.values[v].data, count, values_[v].begin());
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      const int v = spec.inputs[i].value;
      for (size_t k = 0; k < inputs[i].size(); ++k) At(v)[Logical(spec.inputs[i], k)] = inputs[i][k];
    }
    for (const StepSpec& step : spec.steps) {
      std::visit([&](const auto& op) { Run(op, step); }, step.spec);
    }
  }

  // In the layouts of the ports.
  std::vector<std::vector<float>> Outputs() {
    std::vector<std::vector<float>> outputs;
    for (const PortSpec& port : spec_.outputs) {
      outputs.emplace_back();
      for (size_t k = 0; k < At(port.value).size(); ++k) {
        outputs.back().push_back(static_cast<float>(At(port.value)[Logical(port, k)]));
      }
    }
    return outputs;
  }

 private:
  using Doubles = std::vector<double>;
  Doubles& At(int v) { return values_[static_cast<size_t>(v)]; }
  const Shape& ShapeOf(int v) const { return spec_.values[static_cast<size_t>(v)].shape; }
  double& At(int v, int64_t n, int64_t c, int64_t h, int64_t w) {
    const Shape& s = ShapeOf(v);
    return At(v)[static_cast<size_t>(((n * s[1] + c) * s[2] + h) * s[3] + w)];
  }
  // The row-major index of element k of a port.
  size_t Logical(const PortSpec& port, size_t k) const {
    if (port.layout == PortLayout::kNchw) return k;
    const Shape& s = ShapeOf(port.value);
    const auto c = static_cast<size_t>(s[1]), plane = static_cast<size_t>(s[2] * s[3]);
    return (k / (c * plane) * c + k % c) * plane + k / c % plane;
  }
  // Calls f(n, c, h, w) for every element of value v.
  template <typename Function>
  void Each(int v, Function f) {
    const Shape& s = ShapeOf(v);
    for (int64_t n = 0; n < s[0]; ++n)
      for (int64_t c = 0; c < s[1]; ++c)
        for (int64_t h = 0; h < s[2]; ++h)
          for (int64_t w = 0; w < s[3]; ++w) f(n, c, h, w);
  }
  // An element of a value that may be of 1x1.
  double Spread(int v, int64_t n, int64_t c, int64_t h, int64_t w) {
    const Shape& s = ShapeOf(v);
    return At(v, n, c, s[2] == 1 ? 0 : h, s[3] == 1 ? 0 : w);
  }

  static double Activate(const Activation& a, double x, double slope) {
    const double line = std::min(1.0, std::max(0.0, a.alpha * x + a.beta));
    switch (a.kind) {
      case Act::kNone: return x;
      case Act::kRelu: return std::max(0.0, x);
      case Act::kClip: return std::min<double>(a.beta, std::max<double>(a.alpha, x));
      case Act::kLeakyRelu: return x > 0 ? x : a.alpha * x;
      case Act::kPrelu: return x > 0 ? x : slope * x;
      case Act::kHardSigmoid: return line;
      case Act::kHardSwish: return x * line;
      case Act::kSigmoid: return 1 / (1 + std::exp(-x));
      case Act::kSilu: return x / (1 + std::exp(-x));
      case Act::kTanh: return std::tanh(x);
      case Act::kGelu: return x / 2 * (1 + std::erf(x / std::sqrt(2.0)));
      case Act::kGeluTanh: return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
      case Act::kScaledSilu: break;  // no operator has it
    }
    return x;
  }

  void Run(const Conv2dSpec& conv, const StepSpec& step) {
    const int x = step.inputs[0], weights = step.inputs[1], y = step.outputs[0];
    const Shape &xs = ShapeOf(x), &ws = ShapeOf(weights);
    const EpilogueSpec& e = conv.epilogue;
    const int64_t group_outputs = ShapeOf(y)[1] / conv.groups;
    const auto of_channel = [&](int v, int64_t c, double missing) {
      return v == kNone ? missing : At(v)[At(v).size() == 1 ? 0 : static_cast<size_t>(c)];
    };
    Each(y, [&](int64_t n, int64_t o, int64_t h, int64_t w) {
      double v = of_channel(e.bias, o, 0);
      for (int64_t i = 0; i < ws[1]; ++i) {
        const int64_t c = o / group_outputs * ws[1] + i;
        const double border = of_channel(conv.pad_value, c, 0);
        for (int64_t ky = 0; ky < ws[2]; ++ky)
          for (int64_t kx = 0; kx < ws[3]; ++kx) {
            const int64_t row = h * conv.strides.h - conv.pads.top + ky * conv.dilations.h;
            const int64_t col = w * conv.strides.w - conv.pads.left + kx * conv.dilations.w;
            const bool inside = row >= 0 && row < xs[2] && col >= 0 && col < xs[3];
            v += (inside ? At(x, n, c, row, col) : border) * At(weights, o, i, ky, kx);
          }
      }
      if (e.scale != kNone) v = v * of_channel(e.scale, o, 1) + of_channel(e.shift, o, 0);
      if (e.residual != kNone && !e.add_after_activation) v += At(e.residual, n, o, h, w);
      v = Activate(e.activation, v, of_channel(e.slope, o, 0));
      if (e.residual != kNone && e.add_after_activation) v += At(e.residual, n, o, h, w);
      if (e.gate != kNone) v *= Spread(e.gate, n, o, h, w);
      At(y, n, o, h, w) = v;
    });
  }

  void Run(const Pool2dSpec& pool, const StepSpec& step) {
    const int x = step.inputs[0];
    const Shape& xs = ShapeOf(x);
    const bool max = pool.kind == PoolKind::kMax;
    Each(step.outputs[0], [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      double v = max ? -std::numeric_limits<double>::infinity() : 0;
      int64_t count = 0;
      for (int64_t ky = 0; ky < pool.kernel.h; ++ky)
        for (int64_t kx = 0; kx < pool.kernel.w; ++kx) {
          const int64_t row = h * pool.strides.h - pool.pads.top + ky, col = w * pool.strides.w - pool.pads.left + kx;
          if (row < 0 || row >= xs[2] || col < 0 || col >= xs[3]) continue;
          v = max ? std::max(v, At(x, n, c, row, col)) : v + At(x, n, c, row, col);
          ++count;
        }
      At(step.outputs[0], n, c, h, w) = max ? v : v / static_cast<double>(count);
    });
  }

  void Run(const GlobalPoolSpec& pool, const StepSpec& step) {
    const int x = step.inputs[0], y = step.outputs[0];
    const bool max = pool.kind == PoolKind::kMax;
    const auto plane = static_cast<double>(ShapeOf(x)[2] * ShapeOf(x)[3]);
    if (max) std::fill(At(y).begin(), At(y).end(), -std::numeric_limits<double>::infinity());
    Each(x, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      double& v = At(y, n, c, 0, 0);
      v = max ? std::max(v, At(x, n, c, h, w)) : v + At(x, n, c, h, w) / plane;
    });
  }

  void Run(const BinarySpec& binary, const StepSpec& step) {
    Each(step.outputs[0], [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      const double a = Spread(step.inputs[0], n, c, h, w), b = Spread(step.inputs[1], n, c, h, w);
      At(step.outputs[0], n, c, h, w) = binary.fn == Binary::kAdd ? a + b : a * b;
    });
  }

  void Run(const ConcatSpec&, const StepSpec& step) {
    int64_t first = 0;
    for (int v : step.inputs) {
      Each(v, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        At(step.outputs[0], n, first + c, h, w) = At(v, n, c, h, w);
      });
      first += ShapeOf(v)[1];
    }
  }

  void Run(const SplitSpec&, const StepSpec& step) {
    int64_t first = 0;
    for (int v : step.outputs) {
      Each(v, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        At(v, n, c, h, w) = At(step.inputs[0], n, first + c, h, w);
      });
      first += ShapeOf(v)[1];
    }
  }

  void Run(const UnarySpec&, const StepSpec& step) {
    std::transform(At(step.inputs[0]).begin(), At(step.inputs[0]).end(), At(step.outputs[0]).begin(),
                   [](double x) { return std::tanh(x); });
  }

  void Run(const ScaleSpec& scale, const StepSpec& step) {
    Each(step.outputs[0], [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      const auto channel = static_cast<size_t>(c);
      const double v = At(step.inputs[0], n, c, h, w) * At(step.inputs[1])[channel] + At(step.inputs[2])[channel];
      At(step.outputs[0], n, c, h, w) = Activate(scale.activation, v, 0);
    });
  }

  void Run(const ChannelShuffleSpec& shuffle, const StepSpec& step) {
    const int64_t each = ShapeOf(step.inputs[0])[1] / shuffle.groups;
    Each(step.outputs[0], [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      At(step.outputs[0], n, c, h, w) = At(step.inputs[0], n, c % shuffle.groups * each + c / shuffle.groups, h, w);
    });
  }

  // Linear, half-pixel centres.
  void Run(const Resize2dSpec& resize, const StepSpec& step) {
    const int x = step.inputs[0];
    const Shape& s = ShapeOf(x);
    const auto place = [](int64_t i, double scale, int64_t extent, int64_t* low, double* part) {
      const double at = std::clamp((static_cast<double>(i) + 0.5) / scale - 0.5, 0.0, static_cast<double>(extent - 1));
      *low = std::min<int64_t>(static_cast<int64_t>(at), std::max<int64_t>(0, extent - 2));
      *part = at - static_cast<double>(*low);
    };
    Each(step.outputs[0], [&](int64_t n, int64_t c, int64_t h, int64_t w) {
      int64_t row, col;
      double down, right;
      place(h, resize.scale_h, s[2], &row, &down);
      place(w, resize.scale_w, s[3], &col, &right);
      double v = 0;
      for (int64_t i : {0, 1})
        for (int64_t j : {0, 1}) {
          const double weight = (i == 0 ? 1 - down : down) * (j == 0 ? 1 - right : right);
          if (weight != 0) v += weight * At(x, n, c, row + i, col + j);
        }
      At(step.outputs[0], n, c, h, w) = v;
    });
  }

  template <typename Other>
  void Run(const Other&, const StepSpec& step) {
    CHECK(false, "%s is not in random nets", step.op.c_str());
  }

  const PlanSpec& spec_;
  std::vector<Doubles> values_;
};

}  // namespace lanewise::test
