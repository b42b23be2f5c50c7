// Winograd convolution through whole plans against the definition in double: every ISA and tile, odd extents around the
// tile, borders, epilogues, threads.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/conv.h"
#include "form_convolution.h"
#include "winograd_points.h"

namespace lanewise::test {
namespace {

PlanOptions Winograd(int m, int threads) { return FormOptions({ConvForm::kWinograd, m}, threads); }

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
        Geometry strided = g;
        strided.stride = tile.stride;
        // Activations in turn: each meets every tile.
        for (size_t i = 0; i < (QuickLevel() ? 1 : 3); ++i) {
          FormConvolution convolution(strided, variant++);
          const double amplification = Amplification(tile);
          const auto bound = [&](int64_t channel, int64_t, int64_t) {
            return FormBound(g.c, amplification, convolution.Norm(channel));
          };
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
      FormConvolution convolution(g, variant++);
      const auto of_axis = [&](int64_t at, int64_t extent) {
        const int64_t left = extent % 4;
        return at >= extent - left && (left == 1 || left == 2) ? narrow : full;
      };
      const auto bound = [&](int64_t channel, int64_t row, int64_t col) {
        return FormBound(g.c, std::sqrt(of_axis(row, oh) * of_axis(col, ow)), convolution.Norm(channel));
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
      if (kernels->matrix != nullptr) continue;  // which takes some of them
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
