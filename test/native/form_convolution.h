// A convolution through a whole plan, in a form that the test chooses, against the definition in double.
#pragma once
#include <cmath>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/conv_form.h"
#include "core/plan.h"
#include "epilogue_cases.h"
#include "reference.h"

namespace lanewise::test {

struct Geometry {
  int64_t n, c, o, h, w;
  Pads pads{};
  int64_t kernel = 3, stride = 1;
};

// What a form may not have, and what else reads the tensors of the convolution.
enum class Epilogues { kAll, kAddedBefore };  // kAddedBefore: no scale, no gate, the residual before the activation
enum class Readers { kPlain, kPadding };      // kPadding: all have halos

// A plan of one convolution, and the numbers that it reads.
class FormConvolution {
 public:
  FormConvolution(const Geometry& g, size_t variant, Epilogues epilogues = Epilogues::kAll,
                  Readers readers = Readers::kPlain)
      : g_(g), readers_(readers), random_(variant) {
    oh_ = (g.h + g.pads.top + g.pads.bottom - g.kernel) / g.stride + 1;
    ow_ = (g.w + g.pads.left + g.pads.right - g.kernel) / g.stride + 1;
    const auto draw = [&](std::vector<float>* values, int64_t count) {
      values->resize(static_cast<size_t>(count));
      random_.Fill(*values, -1, 1);
    };
    draw(&x_, g.n * g.c * g.h * g.w);
    draw(&weights_, g.o * g.c * g.kernel * g.kernel);
    draw(&bias_, g.o);
    epilogue_ = EpilogueCase::Make(variant, static_cast<size_t>(g.n * oh_ * ow_), static_cast<size_t>(g.o),
                                   Numbers::kReals, random_);
    if (epilogues == Epilogues::kAddedBefore) {
      epilogue_.scaled = false;
      epilogue_.gate_kind = Gate::kNone;
      if (epilogue_.residual_kind == Residual::kAfter) epilogue_.residual_kind = Residual::kBefore;
    }
    gate_ = epilogue_.gate;
    for (size_t i = 0; i < static_cast<size_t>(g.n * g.o) && epilogue_.gate_kind == Gate::kPerChannel; ++i) {
      gate_[i] = epilogue_.gate[i % static_cast<size_t>(g.o)];
    }
    Describe();
  }

  // Against exact results, with a bound for the error of the sum of a channel at (row, col); see self_check.cc.
  template <typename SumBound>
  double Check(const KernelTable& kernels, const PlanOptions& options, const std::string& kernel, SumBound sum_bound) {
    PackCache packs;
    std::unique_ptr<Plan> plan;
    const Status created = Plan::Create(spec_, kernels, packs, &plan, options);
    CHECK(created.ok(), "%s", created.message.c_str());
    if (!created.ok()) return 0;
    bool found = false;
    for (size_t i = 0; i < plan->step_count(); ++i) found |= plan->step_info(i).kernel.rfind(kernel, 0) == 0;
    CHECK(found, "%s: no step of %s", kernels.isa, kernel.c_str());
    y_.assign(static_cast<size_t>(g_.n * oh_ * ow_ * g_.o), kNan);
    const float* inputs[] = {x_.data(), epilogue_.residual.data(), gate_.data()};
    std::vector<float> others(readers_ == Readers::kPadding ? x_.size() + y_.size() : 0);
    float* outputs[] = {y_.data(), others.data(), others.data() + x_.size()};
    RunOptions run;
    run.inputs = inputs;
    run.outputs = outputs;
    run.threads = options.threads;
    CHECK(plan->Run(run).ok());

    double worst = 0;
    if (expected_.empty()) Compute();
    for (size_t i = 0; i < y_.size(); ++i) {
      const size_t channel = i % static_cast<size_t>(g_.o);
      const int64_t pixel = static_cast<int64_t>(i) / g_.o;
      const double bound = sum_bound(static_cast<int64_t>(channel), pixel / ow_ % oh_, pixel % ow_);
      const Bounded sum = {expected_[i], bound + kRounding * std::fabs(expected_[i])};
      const Bounded want = epilogue_.Finish(sum, i / static_cast<size_t>(g_.o), channel);
      CHECK(Near(y_[i], want.value, want.bound), "%s %s: output %zu of %lldx%lld is %g, expected %g +- %g", kernels.isa,
            kernel.c_str(), i, static_cast<long long>(oh_), static_cast<long long>(ow_), static_cast<double>(y_[i]),
            want.value, want.bound);
      worst = std::max(worst, std::fabs(static_cast<double>(y_[i]) - want.value) / want.bound);
    }
    return worst;
  }

  // Of the weights of an output channel.
  double Norm(int64_t channel) const { return norms_[static_cast<size_t>(channel)]; }
  // Of the last run.
  const std::vector<float>& outputs() const { return y_; }

 private:
  void Describe() {
    const Shape y{g_.n, g_.o, oh_, ow_}, channels{g_.o};
    spec_.values = {{"x", {g_.n, g_.c, g_.h, g_.w}},
                    {"w", {g_.o, g_.c, g_.kernel, g_.kernel}, weights_.data()},
                    {"b", channels, bias_.data()},
                    {"y", y},
                    {"residual", y},
                    {"gate", epilogue_.gate_kind == Gate::kPerChannel ? Shape{g_.n, g_.o, 1, 1} : y},
                    {"scale", channels, epilogue_.scale.data()},
                    {"shift", channels, epilogue_.shift.data()},
                    {"slope", channels, epilogue_.slope.data()}};
    Conv2dSpec conv;
    conv.strides = {g_.stride, g_.stride};
    conv.pads = g_.pads;
    conv.epilogue.activation = epilogue_.activation;
    conv.epilogue.bias = 2;
    if (epilogue_.residual_kind != Residual::kNone) conv.epilogue.residual = 4;
    conv.epilogue.add_after_activation = epilogue_.residual_kind == Residual::kAfter;
    if (epilogue_.gate_kind != Gate::kNone) conv.epilogue.gate = 5;
    if (epilogue_.scaled) conv.epilogue.scale = 6, conv.epilogue.shift = 7;
    if (epilogue_.activation.kind == Act::kPrelu) conv.epilogue.slope = 8;
    spec_.steps = {{"conv2d", "c", {0, 1}, {3}, conv}};
    spec_.inputs = {{0, PortLayout::kNchw}, {4, PortLayout::kNhwc}, {5, PortLayout::kNhwc}};
    spec_.outputs = {{3, PortLayout::kNhwc}};
    if (readers_ == Readers::kPadding) {
      spec_.outputs = {};
      for (const int v : {3, 0, 4}) spec_.outputs.push_back({Identity(v), PortLayout::kNhwc});
    }
  }

  // A depthwise convolution with a border that changes nothing.
  int Identity(int v) {
    const Shape shape = spec_.values[static_cast<size_t>(v)].shape;
    identities_.emplace_back(static_cast<size_t>(shape[1] * 9));
    for (size_t i = 4; i < identities_.back().size(); i += 9) identities_.back()[i] = 1;
    const int w = static_cast<int>(spec_.values.size()), y = w + 1;
    spec_.values.push_back({"identity", {shape[1], 1, 3, 3}, identities_.back().data()});
    spec_.values.push_back({"same", shape});
    Conv2dSpec conv;
    conv.groups = shape[1];
    conv.pads = {1, 1, 1, 1};
    spec_.steps.push_back({"conv2d", "identity", {v, w}, {y}, conv});
    return y;
  }

  // The sums with the bias, [image][row][col][channel], and the norms of the filters.
  void Compute() {
    const auto at = [](int64_t i) { return static_cast<size_t>(i); };
    for (int64_t o = 0; o < g_.o; ++o) {
      double squares = 0;
      const int64_t size = g_.c * g_.kernel * g_.kernel;
      for (int64_t k = 0; k < size; ++k) squares += std::pow(weights_[at(o * size + k)], 2);
      norms_.push_back(std::sqrt(squares));
    }
    for (int64_t i = 0; i < g_.n * oh_ * ow_ * g_.o; ++i) {
      const int64_t o = i % g_.o, pixel = i / g_.o, image = pixel / (oh_ * ow_);
      const int64_t top = pixel / ow_ % oh_ * g_.stride - g_.pads.top;
      const int64_t left = pixel % ow_ * g_.stride - g_.pads.left;
      double sum = bias_[at(o)];
      for (int64_t ky = 0; ky < g_.kernel; ++ky) {
        for (int64_t kx = 0; kx < g_.kernel; ++kx) {
          const int64_t row = top + ky, col = left + kx;
          if (row < 0 || row >= g_.h || col < 0 || col >= g_.w) continue;
          for (int64_t c = 0; c < g_.c; ++c) {
            sum += static_cast<double>(weights_[at(((o * g_.c + c) * g_.kernel + ky) * g_.kernel + kx)]) *
                   static_cast<double>(x_[at(((image * g_.c + c) * g_.h + row) * g_.w + col)]);
          }
        }
      }
      expected_.push_back(sum);
    }
  }

  Geometry g_;
  Readers readers_;
  int64_t oh_ = 0, ow_ = 0;
  Random random_;
  std::vector<float> x_, weights_, bias_, gate_, y_;  // the gate for each image
  std::vector<double> expected_, norms_;
  std::deque<std::vector<float>> identities_;
  EpilogueCase epilogue_;
  PlanSpec spec_;
};

// For plans of this form, which must pass its self-check.
inline PlanOptions FormOptions(ConvForm form, int threads) {
  PlanOptions options;
  options.threads = threads;
  options.strict = false;
  options.form = form;
  options.fail_self_check = true;
  return options;
}

// Of a sum over `channels` (ErrorBound in self_check.cc), weights of a norm.
inline double FormBound(int64_t channels, double amplification, double norm) {
  return 8 * kRounding * std::sqrt(static_cast<double>(channels) + 16) * amplification * norm;
}

}  // namespace lanewise::test
