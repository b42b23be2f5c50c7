// Winograd convolution through whole plans: every ISA, odd extents around the tile, both tile sizes, the epilogue,
// threads; against the direct form of the same plan.
#include <cmath>
#include <memory>
#include <vector>

#include "check.h"
#include "core/conv.h"
#include "core/plan.h"
#include "cpu/dispatch.h"
#include "reference.h"

namespace lanewise::test {
namespace {

struct Geometry {
  int64_t n, c, o, h, w, pad;
};

struct Convolution {
  PlanSpec spec;
  std::vector<float> weights, bias, slope;
  int64_t oh, ow;
};

std::unique_ptr<Convolution> Make(const Geometry& g, bool residual, Act act, uint64_t seed) {
  auto c = std::make_unique<Convolution>();
  Random random(seed);
  const auto fill = [&](std::vector<float>* v, int64_t count) {
    for (int64_t i = 0; i < count; ++i) v->push_back(random.Uniform(-1, 1));
  };
  fill(&c->weights, g.o * g.c * 9);
  fill(&c->bias, g.o);
  fill(&c->slope, g.o);
  c->oh = g.h + 2 * g.pad - 2;
  c->ow = g.w + 2 * g.pad - 2;
  const Shape y{g.n, g.o, c->oh, c->ow};
  c->spec.values = {{"x", {g.n, g.c, g.h, g.w}},
                    {"w", {g.o, g.c, 3, 3}, c->weights.data()},
                    {"b", {g.o}, c->bias.data()},
                    {"y", y},
                    {"r", y},
                    {"s", {g.o}, c->slope.data()}};
  Conv2dSpec conv;
  conv.pads = {g.pad, g.pad, g.pad, g.pad};
  conv.epilogue.bias = 2;
  if (residual) conv.epilogue.residual = 4;
  if (act == Act::kPrelu) conv.epilogue.slope = 5;
  conv.epilogue.activation.kind = act;
  c->spec.steps = {{"conv2d", "c", {0, 1}, {3}, conv}};
  c->spec.inputs = {{0, PortLayout::kNchw}, {4, PortLayout::kNchw}};
  c->spec.outputs = {{3, PortLayout::kNchw}};
  return c;
}

std::vector<float> RunWith(const PlanSpec& spec, const KernelTable& kernels, bool strict, int threads,
                           const std::vector<float>& x, const std::vector<float>& r, std::string* kernel) {
  PackCache packs;
  std::unique_ptr<Plan> plan;
  const Status created = Plan::Create(spec, kernels, packs, &plan, {threads, strict});
  CHECK(created.ok());
  if (!created.ok()) return {};
  *kernel = plan->step_info(plan->step_count() - 2).kernel;
  std::vector<float> y(static_cast<size_t>(ElementCount(plan->outputs()[0].shape)));
  const float* inputs[] = {x.data(), r.data()};
  float* outputs[] = {y.data()};
  RunOptions options;
  options.inputs = inputs;
  options.outputs = outputs;
  options.threads = threads;
  CHECK(plan->Run(options).ok());
  return y;
}

TEST(WinogradAgreesWithTheDirectForm) {
  const Geometry geometries[] = {{1, 64, 64, 28, 28, 1}, {1, 32, 48, 14, 14, 1}, {2, 17, 33, 13, 15, 1},
                                 {1, 128, 64, 7, 7, 1},  {1, 16, 16, 6, 6, 0},   {1, 40, 24, 29, 31, 1},
                                 {1, 24, 64, 5, 40, 1},  {3, 16, 20, 9, 8, 0},   {1, 256, 32, 14, 14, 1}};
  const struct {
    bool residual;
    Act act;
  } epilogues[] = {{false, Act::kNone}, {true, Act::kRelu}, {false, Act::kPrelu}, {true, Act::kSilu}};
  for (const std::string& isa : SupportedIsas()) {
    const KernelTable* kernels = nullptr;
    CHECK(FindKernels(isa, &kernels).ok());
    int chosen = 0;
    for (const Geometry& g : geometries) {
      for (const auto& epilogue : epilogues) {
        for (const int threads : {1, 3}) {
          const auto c = Make(g, epilogue.residual, epilogue.act, static_cast<uint64_t>(g.c * 31 + g.h));
          Random random(7);
          std::vector<float> x(static_cast<size_t>(g.n * g.c * g.h * g.w)),
              r(static_cast<size_t>(g.n * g.o * c->oh * c->ow));
          for (float& v : x) v = random.Uniform(-1, 1);
          for (float& v : r) v = random.Uniform(-1, 1);
          std::string direct_kernel, fast_kernel;
          const std::vector<float> direct = RunWith(c->spec, *kernels, true, threads, x, r, &direct_kernel);
          const std::vector<float> fast = RunWith(c->spec, *kernels, false, threads, x, r, &fast_kernel);
          if (fast_kernel.rfind("winograd", 0) != 0) continue;
          ++chosen;
          // Both are within eps*(K+1)*max|x|*max|w| of the exact sum, the transformed one times an amplification that
          // stays below 3 for these points.
          const double bound = 4 * kRounding * static_cast<double>(9 * g.c + 1);
          double worst = 0;
          for (size_t i = 0; i < direct.size(); ++i) {
            worst = std::fmax(worst, std::fabs(static_cast<double>(direct[i]) - static_cast<double>(fast[i])));
            if (std::isnan(fast[i])) worst = INFINITY;
          }
          CHECK(worst <= bound, "%s %s: %g > %g", isa.c_str(), fast_kernel.c_str(), worst, bound);
        }
      }
    }
    CHECK(chosen > 0, "%s never chose Winograd", isa.c_str());
  }
}

}  // namespace
}  // namespace lanewise::test
