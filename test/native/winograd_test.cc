// Winograd convolution through whole plans against the definition in double: every ISA and tile, odd extents around the
// tile, borders, epilogues, threads.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/conv.h"
#include "core/plan.h"
#include "epilogue_cases.h"
#include "reference.h"
#include "winograd_points.h"

namespace lanewise::test {
namespace {

struct Geometry {
  int64_t n, c, o, h, w;
  Pads pads;
};

// A plan of one convolution, and the numbers that it reads.
class Convolution {
 public:
  Convolution(const Geometry& g, int64_t stride, size_t variant) : g_(g), stride_(stride), random_(variant) {
    oh_ = (g.h + g.pads.top + g.pads.bottom - 3) / stride + 1;
    ow_ = (g.w + g.pads.left + g.pads.right - 3) / stride + 1;
    const auto draw = [&](std::vector<float>* values, int64_t count) {
      values->resize(static_cast<size_t>(count));
      random_.Fill(*values, -1, 1);
    };
    draw(&x_, g.n * g.c * g.h * g.w);
    draw(&weights_, g.o * g.c * 9);
    draw(&bias_, g.o);
    epilogue_ = EpilogueCase::Make(variant, static_cast<size_t>(g.n * oh_ * ow_), static_cast<size_t>(g.o),
                                   Numbers::kReals, random_);
    gate_ = epilogue_.gate;
    for (size_t i = 0; i < static_cast<size_t>(g.n * g.o) && epilogue_.gate_kind == Gate::kPerChannel; ++i) {
      gate_[i] = epilogue_.gate[i % static_cast<size_t>(g.o)];
    }
    Describe();
  }

  // Against exact results, with a bound for the error of a sum at (row, col) whose weights have the norm `norm`
  // (self_check.cc).
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
    float* outputs[] = {y_.data()};
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
      const double bound = sum_bound(norms_[channel], pixel / ow_ % oh_, pixel % ow_);
      const Bounded sum = {expected_[i], bound + kRounding * std::fabs(expected_[i])};
      const Bounded want = epilogue_.Finish(sum, i / static_cast<size_t>(g_.o), channel);
      CHECK(Near(y_[i], want.value, want.bound), "%s %s: output %zu of %lldx%lld is %g, expected %g +- %g", kernels.isa,
            kernel.c_str(), i, static_cast<long long>(oh_), static_cast<long long>(ow_), static_cast<double>(y_[i]),
            want.value, want.bound);
      worst = std::max(worst, std::fabs(static_cast<double>(y_[i]) - want.value) / want.bound);
    }
    return worst;
  }

  // Of the last run.
  const std::vector<float>& outputs() const { return y_; }

 private:
  void Describe() {
    const Shape y{g_.n, g_.o, oh_, ow_}, channels{g_.o};
    spec_.values = {{"x", {g_.n, g_.c, g_.h, g_.w}},
                    {"w", {g_.o, g_.c, 3, 3}, weights_.data()},
                    {"b", channels, bias_.data()},
                    {"y", y},
                    {"residual", y},
                    {"gate", epilogue_.gate_kind == Gate::kPerChannel ? Shape{g_.n, g_.o, 1, 1} : y},
                    {"scale", channels, epilogue_.scale.data()},
                    {"shift", channels, epilogue_.shift.data()},
                    {"slope", channels, epilogue_.slope.data()}};
    Conv2dSpec conv;
    conv.strides = {stride_, stride_};
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
  }

  // The sums with the bias, [image][row][col][channel], and the norms of the filters.
  void Compute() {
    const auto at = [](int64_t i) { return static_cast<size_t>(i); };
    for (int64_t o = 0; o < g_.o; ++o) {
      double squares = 0;
      for (int64_t k = 0; k < g_.c * 9; ++k) squares += std::pow(weights_[at(o * g_.c * 9 + k)], 2);
      norms_.push_back(std::sqrt(squares));
    }
    for (int64_t i = 0; i < g_.n * oh_ * ow_ * g_.o; ++i) {
      const int64_t o = i % g_.o, pixel = i / g_.o, image = pixel / (oh_ * ow_);
      const int64_t top = pixel / ow_ % oh_ * stride_ - g_.pads.top, left = pixel % ow_ * stride_ - g_.pads.left;
      double sum = bias_[at(o)];
      for (int64_t ky = 0; ky < 3; ++ky) {
        for (int64_t kx = 0; kx < 3; ++kx) {
          const int64_t row = top + ky, col = left + kx;
          if (row < 0 || row >= g_.h || col < 0 || col >= g_.w) continue;
          for (int64_t c = 0; c < g_.c; ++c) {
            sum += static_cast<double>(weights_[at(((o * g_.c + c) * 3 + ky) * 3 + kx)]) *
                   static_cast<double>(x_[at(((image * g_.c + c) * g_.h + row) * g_.w + col)]);
          }
        }
      }
      expected_.push_back(sum);
    }
  }

  Geometry g_;
  int64_t stride_, oh_ = 0, ow_ = 0;
  Random random_;
  std::vector<float> x_, weights_, bias_, gate_, y_;  // the gate for each image
  std::vector<double> expected_, norms_;
  EpilogueCase epilogue_;
  PlanSpec spec_;
};

PlanOptions Winograd(int m, int threads) {
  PlanOptions options;
  options.threads = threads;
  options.strict = false;
  options.form = ConvForm{ConvForm::kWinograd, m};
  options.fail_self_check = true;
  return options;
}

double SumBound(int64_t channels, double amplification, double norm) {
  return 8 * kRounding * std::sqrt(static_cast<double>(channels) + 16) * amplification * norm;
}

TEST(WinogradAgainstDouble) {
  const Geometry geometries[] = {
      {1, 32, 48, 14, 14, {1, 1, 1, 1}},
      {2, 17, 33, 13, 15, {1, 1, 1, 1}},
      {1, 70, 20, 7, 7, {1, 1, 1, 1}},
      {1, 16, 16, 6, 6, {}},
      {1, 20, 24, 29, 31, {1, 1, 1, 1}},
      {1, 9, 64, 5, 40, {1, 0, 0, 1}},
      {3, 16, 20, 9, 8, {0, 1, 1, 0}},
      {1, 5, 3, 17, 18, {2, 1, 0, 2}},
      {1, 1, 1, 3, 3, {}},
      {1, 3, 17, 4, 11, {0, 0, 1, 1}},
      {2, 8, 8, 1, 1, {1, 1, 1, 1}},
  };
  for (const KernelTable* kernels : Tables()) {
    double worst = 0;
    size_t variant = 0;
    for (const Geometry& g : geometries) {
      for (const WinogradTile tile : kWinogradTileList) {
        // Activations in turn: each meets every tile.
        for (size_t i = 0; i < (QuickLevel() ? 1 : 3); ++i) {
          Convolution convolution(g, tile.stride, variant++);
          const double amplification = Amplification(tile);
          const auto bound = [&](double norm, int64_t, int64_t) { return SumBound(g.c, amplification, norm); };
          const std::string name = "winograd F(" + std::to_string(tile.m) + ")" + (tile.stride == 2 ? "/2 x" : " x");
          for (const int threads : {1, 3}) {
            worst = std::max(worst, convolution.Check(*kernels, Winograd(tile.m, threads), name, bound));
          }
        }
      }
    }
    std::printf("  %-8s at %.2f of the bound\n", kernels->isa, worst);
  }
}

// Every way in which an output ends in full and narrow tiles. The blocks of tiles that three threads work on begin and
// end anywhere among them; results have the same bits nevertheless, and the same on all ISAs with fused multiply-add.
TEST(NarrowWinogradTiles) {
  constexpr WinogradTile kTile{4, 1};
  const double full = Amplification(kTile), narrow = NarrowAmplification();
  CHECK(std::fabs(narrow - 10.25) < 1e-9, "amplification of narrow tiles: %g", narrow);
  const int64_t extents[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14};
  const Pads pads[] = {{1, 1, 1, 1}, {}, {2, 0, 1, 2}};
  double worst = 0;
  size_t variant = 0;
  for (const int64_t oh : extents) {
    for (const int64_t ow : extents) {
      if (QuickLevel() && (oh + ow) % 3 != 0) continue;
      const Pads& p = pads[variant % 3];
      const int64_t h = oh + 2 - p.top - p.bottom, w = ow + 2 - p.left - p.right;
      if (h < 1 || w < 1) continue;
      const Geometry g = {1 + static_cast<int64_t>(variant % 2), 21, 19, h, w, p};
      Convolution convolution(g, 1, variant++);
      const auto of_axis = [&](int64_t at, int64_t extent) {
        const int64_t left = extent % 4;
        return at >= extent - left && (left == 1 || left == 2) ? narrow : full;
      };
      const auto bound = [&](double norm, int64_t row, int64_t col) {
        return SumBound(g.c, std::sqrt(of_axis(row, oh) * of_axis(col, ow)), norm);
      };
      std::vector<float> fused;
      for (const KernelTable* kernels : Tables()) {
        std::vector<float> own;
        for (const int threads : {1, 3}) {
          worst = std::max(worst, convolution.Check(*kernels, Winograd(4, threads), "winograd F(4) x", bound));
          std::vector<float>& same = IsFused(*kernels) ? fused : own;
          if (same.empty()) same = convolution.outputs();
          const size_t size = same.size() * sizeof(float);
          CHECK(std::memcmp(same.data(), convolution.outputs().data(), size) == 0,
                "%s, %d threads: other bits of %dx%d", kernels->isa, threads, static_cast<int>(oh),
                static_cast<int>(ow));
        }
      }
    }
  }
  std::printf("  at %.2f of the bound\n", worst);
}

// Of layers where there is no doubt, whatever the caches.
TEST(WinogradIsChosenWhereItPays) {
  const struct {
    int64_t c, o, h, stride;
    const char* kernel;
  } layers[] = {
      {64, 64, 56, 1, "winograd F(4) "},
      {64, 128, 56, 2, "winograd F(4)/2"},
      {96, 192, 28, 2, "winograd F("},
      {192, 1280, 14, 2, "tile"},
      {8, 64, 56, 2, "tile"},
  };
  for (const auto& l : layers) {
    std::vector<float> weights(static_cast<size_t>(l.o * l.c * 9), 1.f);
    PlanSpec spec;
    const int64_t out = (l.h - 1) / l.stride + 1;
    spec.values = {{"x", {1, l.c, l.h, l.h}}, {"w", {l.o, l.c, 3, 3}, weights.data()}, {"y", {1, l.o, out, out}}};
    Conv2dSpec conv;
    conv.strides = {l.stride, l.stride};
    conv.pads = {1, 1, 1, 1};
    spec.steps = {{"conv2d", "c", {0, 1}, {2}, conv}};
    spec.inputs = {{0, PortLayout::kNchw}};
    spec.outputs = {{2, PortLayout::kNchw}};
    for (const KernelTable* kernels : Tables()) {
      for (const bool strict : {false, true}) {
        PackCache packs;
        std::unique_ptr<Plan> plan;
        PlanOptions options;
        options.strict = strict;
        CHECK(Plan::Create(spec, *kernels, packs, &plan, options).ok());
        std::string kernel;
        for (size_t i = 0; i < plan->step_count(); ++i) {
          if (plan->step_info(i).macs > 0) kernel = plan->step_info(i).kernel;
        }
        CHECK(kernel.rfind(strict ? "tile" : l.kernel, 0) == 0, "%s %lld->%lld@%lld/%lld: '%s'", kernels->isa,
              static_cast<long long>(l.c), static_cast<long long>(l.o), static_cast<long long>(l.h),
              static_cast<long long>(l.stride), kernel.c_str());
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::test
