// Convolution on a matrix unit: the splitting of numbers, then whole plans against exact sums, over geometries around
// the tiles of 16 and 32, strides, dilations, epilogues, threads.
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/buffer.h"
#include "core/plan.h"
#include "emulated_amx.h"
#include "epilogue_cases.h"
#include "reference.h"

namespace lanewise::test {
namespace {

// The machine's own matrix unit, if it has one, and the emulated one.
std::vector<const KernelTable*> MatrixTables() {
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : Tables()) {
    if (table->matrix != nullptr) tables.push_back(table);
  }
  if (const KernelTable* emulated = EmulatedAmxTable()) tables.push_back(emulated);
  return tables;
}

// The two bfloat16 of a split pair.
float PartOf(float pair, int half) {
  const uint32_t bits = half == 0 ? BitsOf(pair) << 16 : BitsOf(pair) & 0xffff0000u;
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

TEST(PartsOfPixelsAddUpToThem) {
  for (const KernelTable* table : MatrixTables()) {
    Random random(3);
    constexpr size_t kPixels = 37, kStride = 48;
    Buffer x, parts;
    CHECK(x.Allocate(2 * kPixels * kStride).ok() && parts.Allocate(3 * kPixels * kPairs).ok());
    for (size_t i = 0; i < x.size(); ++i) {
      x.data()[i] = std::ldexp(random.Uniform(-2, 2), static_cast<int>(random.Below(180)) - 90);
    }
    for (const size_t channels : {1u, 15u, 16u, 17u, 31u, 32u}) {
      SplitArgs args{};
      args.x0 = x.data();
      args.x1 = channels > kPairs ? x.data() + kPixels * kStride : nullptr;
      args.pixel_stride = kStride;
      args.pixels = kPixels;
      args.lanes0 = std::min<size_t>(channels, kPairs);
      args.lanes1 = channels - args.lanes0;
      args.parts = parts.data();
      args.part_stride = kPixels * kPairs;
      table->matrix->split(args);
      for (size_t p = 0; p < kPixels; ++p) {
        for (size_t c = 0; c < 2 * kPairs; ++c) {
          const float want = c < channels ? x.data()[(c / kPairs * kPixels + p) * kStride + c % kPairs] : 0;
          double sum = 0;
          for (size_t part = 0; part < kParts; ++part) {
            sum += PartOf(parts.data()[(part * kPixels + p) * kPairs + c % kPairs], static_cast<int>(c / kPairs));
          }
          CHECK(sum == want, "%zu channels, pixel %zu, channel %zu: %.9g, want %.9g", channels, p, c, sum,
                double(want));
        }
      }
    }
  }
}

TEST(PartsOfWeightsAddUpToThem) {
  for (const KernelTable* table : MatrixTables()) {
    for (const int vectors : {1, 2}) {
      constexpr size_t kSteps = 3;
      const size_t tiles = kSteps * static_cast<size_t>(vectors);
      Buffer weights, parts;
      CHECK(weights.Allocate(tiles * 2 * kMatrixTile).ok() && parts.Allocate(tiles * kParts * kMatrixTile).ok());
      Random random(5);
      for (size_t i = 0; i < weights.size(); ++i) weights.data()[i] = random.Uniform(-1, 1);
      table->matrix->split_weights({weights.data(), parts.data(), kSteps, vectors});
      for (size_t i = 0; i < weights.size(); ++i) {
        // [step][vector][row][half][output] -> [step][part][vector][row][output]
        const size_t output = i % kPairs, half = i / kPairs % 2, row = i / (2 * kPairs) % kPairs;
        const size_t tile = i / (2 * kMatrixTile), step = tile / static_cast<size_t>(vectors);
        const size_t vector = tile % static_cast<size_t>(vectors);
        double sum = 0;
        for (size_t part = 0; part < kParts; ++part) {
          const size_t at = (step * kParts + part) * static_cast<size_t>(vectors) + vector;
          sum += PartOf(parts.data()[at * kMatrixTile + row * kPairs + output], static_cast<int>(half));
        }
        CHECK(sum == weights.data()[i], "%d vectors, weight %zu", vectors, i);
      }
    }
  }
}

struct Geometry {
  int64_t n, c, o, h, w, kernel, stride, pad, dilation;
};

int64_t Outputs(int64_t input, const Geometry& g) {
  return (input + 2 * g.pad - g.dilation * (g.kernel - 1) - 1) / g.stride + 1;
}

struct Convolution {
  Geometry g;
  EpilogueCase e;
  std::vector<float> x, weights, bias;
  int64_t oh, ow;
  PlanSpec spec;
  std::vector<const float*> inputs;
  std::vector<float> residual, gate;  // NCHW

  Convolution(const Geometry& geometry, size_t variant, uint64_t seed) : g(geometry) {
    Random random(seed);
    oh = Outputs(g.h, g);
    ow = Outputs(g.w, g);
    const auto pixels = static_cast<size_t>(g.n * oh * ow);
    e = EpilogueCase::Make(variant, pixels, static_cast<size_t>(g.o), Numbers::kReals, random);
    const auto fill = [&](std::vector<float>* v, int64_t count) {
      v->resize(static_cast<size_t>(count));
      random.Fill(*v, -1, 1);
    };
    fill(&x, g.n * g.c * g.h * g.w);
    fill(&weights, g.o * g.c * g.kernel * g.kernel);
    fill(&bias, g.o);
    const Shape y{g.n, g.o, oh, ow};
    spec.values = {{"x", {g.n, g.c, g.h, g.w}}, {"w", {g.o, g.c, g.kernel, g.kernel}, weights.data()}, {"y", y}};
    spec.inputs = {{0, PortLayout::kNchw}};
    spec.outputs = {{2, PortLayout::kNchw}};
    inputs = {x.data()};
    Conv2dSpec conv;
    conv.strides = {g.stride, g.stride};
    conv.dilations = {g.dilation, g.dilation};
    conv.pads = {g.pad, g.pad, g.pad, g.pad};
    const auto value = [&](Shape shape, const float* data) {
      spec.values.push_back({"v", std::move(shape), data});
      return static_cast<int>(spec.values.size()) - 1;
    };
    conv.epilogue.bias = value({g.o}, bias.data());
    conv.epilogue.activation = e.activation;
    if (e.scaled) {
      conv.epilogue.scale = value({g.o}, e.scale.data());
      conv.epilogue.shift = value({g.o}, e.shift.data());
    }
    if (e.activation.kind == Act::kPrelu) conv.epilogue.slope = value({g.o}, e.slope.data());
    const auto input = [&](Shape shape, const std::vector<float>& values) {
      spec.inputs.push_back({value(std::move(shape), nullptr), PortLayout::kNchw});
      inputs.push_back(values.data());
      return spec.inputs.back().value;
    };
    if (e.residual_kind != Residual::kNone) {
      residual = Planes(e.residual);
      conv.epilogue.residual = input(y, residual);
      conv.epilogue.add_after_activation = e.residual_kind == Residual::kAfter;
    }
    if (e.gate_kind == Gate::kFull) {
      gate = Planes(e.gate);
      conv.epilogue.gate = input(y, gate);
    } else if (e.gate_kind == Gate::kPerChannel) {
      for (int64_t n = 0; n < g.n; ++n) gate.insert(gate.end(), e.gate.begin(), e.gate.begin() + g.o);
      conv.epilogue.gate = input({g.n, g.o, 1, 1}, gate);
    }
    spec.steps = {{"conv2d", "c", {0, 1}, {2}, conv}};
  }

  // [pixel][channel] -> NCHW
  std::vector<float> Planes(const std::vector<float>& rows) const {
    std::vector<float> planes(rows.size());
    for (int64_t p = 0; p < g.n * oh * ow; ++p) {
      for (int64_t o = 0; o < g.o; ++o) planes[At(p, o)] = rows[static_cast<size_t>(p * g.o + o)];
    }
    return planes;
  }
  size_t At(int64_t pixel, int64_t o) const {
    const int64_t plane = oh * ow;
    return static_cast<size_t>((pixel / plane * g.o + o) * plane + pixel % plane);
  }

  // The exact sum with the bias, and that of its terms' magnitudes.
  Bounded Sum(int64_t pixel, int64_t o) const {
    const int64_t n = pixel / (oh * ow), row = pixel / ow % oh, col = pixel % ow;
    double sum = bias[static_cast<size_t>(o)], magnitude = std::fabs(sum);
    for (int64_t c = 0; c < g.c; ++c) {
      for (int64_t ky = 0; ky < g.kernel; ++ky) {
        for (int64_t kx = 0; kx < g.kernel; ++kx) {
          const int64_t r = row * g.stride - g.pad + ky * g.dilation, q = col * g.stride - g.pad + kx * g.dilation;
          if (r < 0 || q < 0 || r >= g.h || q >= g.w) continue;
          const double product = double(x[static_cast<size_t>(((n * g.c + c) * g.h + r) * g.w + q)]) *
                                 weights[static_cast<size_t>(((o * g.c + c) * g.kernel + ky) * g.kernel + kx)];
          sum += product;
          magnitude += std::fabs(product);
        }
      }
    }
    return {sum, magnitude};
  }

  std::vector<float> Run(const KernelTable& kernels, ConvForm::Kind form, int threads, std::string* kernel) const {
    PackCache packs;
    std::unique_ptr<Plan> plan;
    PlanOptions options;
    options.threads = threads;
    options.strict = false;
    options.form = ConvForm{form};
    const Status created = Plan::Create(spec, kernels, packs, &plan, options);
    CHECK(created.ok(), "%s", created.message.c_str());
    if (!created.ok()) return {};
    *kernel = plan->step_info(plan->step_count() - 2).kernel;
    std::vector<float> y(static_cast<size_t>(ElementCount(plan->outputs()[0].shape)), kNan);
    float* outputs[] = {y.data()};
    RunOptions run;
    run.inputs = inputs.data();
    run.outputs = outputs;
    run.threads = threads;
    CHECK(plan->Run(run).ok());
    return y;
  }
};

TEST(MatrixConvolutionsAgainstDouble) {
  const Geometry geometries[] = {
      //   n   c    o   h   w  k  s  p  d
      {1, 32, 32, 4, 8, 1, 1, 0, 1},    // one tile of pixels, one step
      {1, 33, 17, 5, 7, 1, 1, 0, 1},    // a second step of one channel, a vector of one
      {2, 16, 16, 9, 9, 1, 1, 0, 1},    // half a step, one vector, two images
      {1, 70, 100, 7, 7, 1, 1, 0, 1},   // partial blocks on both sides
      {1, 1100, 40, 6, 6, 1, 1, 0, 1},  // sums in two panels
      {1, 24, 24, 10, 11, 1, 2, 0, 1},  // a stride without taps between
      {1, 40, 48, 14, 14, 3, 1, 1, 1},  // rows end inside tiles
      {2, 17, 33, 13, 15, 3, 2, 1, 1},  // four phases
      {1, 160, 20, 9, 5, 3, 1, 1, 1},   // 45 steps: two panels, with taps
      {1, 16, 65, 11, 12, 3, 1, 2, 2},  // dilation
      {1, 20, 31, 12, 9, 5, 3, 2, 1},   // a stride that does not divide the kernel
      {1, 5, 3, 8, 8, 2, 2, 0, 1},      // few channels
      {1, 16, 16, 1, 1, 1, 1, 0, 1},    // one pixel
      {3, 64, 64, 1, 40, 1, 1, 0, 1},   // one row
      {1, 48, 16, 40, 40, 3, 1, 1, 1},  // many tiles of one vector
  };
  for (const KernelTable* table : MatrixTables()) {
    size_t variant = 0;
    for (const Geometry& g : geometries) {
      for (int round = 0; round < 6; ++round, ++variant) {
        const Convolution c(g, variant, 100 + variant);
        for (const int threads : {1, 3}) {
          std::string kernel;
          const std::vector<float> got = c.Run(*table, ConvForm::kMatrix, threads, &kernel);
          CHECK(kernel.rfind("matrix", 0) == 0, "%s", kernel.c_str());
          for (int64_t p = 0; p < g.n * c.oh * c.ow; ++p) {
            for (int64_t o = 0; o < g.o; ++o) {
              const Bounded sum = c.Sum(p, o);
              // Six products for one, each pair added with a rounding, and what the three smallest would have been:
              // below 2^-21 of each product.
              const size_t terms = 3 * static_cast<size_t>(g.c * g.kernel * g.kernel) + 16;
              const Bounded want =
                  c.e.Finish(SumOf(sum.value, sum.bound, terms), static_cast<size_t>(p), static_cast<size_t>(o));
              const float y = got[c.At(p, o)];
              CHECK(IsExpected(y, want, false), "%d>%d at %dx%d k%d s%d variant %zu, %d threads [%d, %d]: %g, want %g",
                    int(g.c), int(g.o), int(g.h), int(g.w), int(g.kernel), int(g.stride), variant, threads, int(p),
                    int(o), double(y), want.value);
            }
          }
        }
      }
    }
  }
}

// The bound above would let a whole part be forgotten. What is seen is the error of float32.
TEST(MatrixSumsAreAsExactAsVectorSums) {
  for (const KernelTable* table : MatrixTables()) {
    Convolution c({1, 128, 64, 14, 14, 3, 1, 1, 1}, 0, 11);
    for (auto& step : c.spec.steps) std::get<Conv2dSpec>(step.spec).epilogue = {};
    c.spec.inputs.resize(1);
    double squares[2] = {};
    for (const ConvForm::Kind form : {ConvForm::kDirect, ConvForm::kMatrix}) {
      std::string kernel;
      const std::vector<float> got = c.Run(*table, form, 1, &kernel);
      for (int64_t p = 0; p < c.oh * c.ow; ++p) {
        for (int64_t o = 0; o < c.g.o; ++o) {
          const double error = got[c.At(p, o)] - (c.Sum(p, o).value - c.bias[static_cast<size_t>(o)]);
          squares[form == ConvForm::kMatrix] += error * error;
        }
      }
    }
    const double ratio = std::sqrt(squares[1] / squares[0]);
    CHECK(ratio < 1.5, "error of the matrix unit / error of vectors: %g", ratio);
  }
}

}  // namespace
}  // namespace lanewise::test
