// The self-check of forms: what is right passes it, what is broken and what no form but the direct one can compute ends
// up direct, and it is made once.
#include "core/self_check.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/plan.h"
#include "emulated_amx.h"
#include "epilogue_cases.h"
#include "reference.h"

namespace lanewise::test {
namespace {

struct Geometry {
  int64_t c, o, h, w, kernel, stride, pad, dilation;
};

// One convolution with weights that plans may share.
struct Layer {
  std::vector<float> x, weights;
  PlanSpec spec;

  explicit Layer(const Geometry& g, float scale = 1) {
    Random random(static_cast<uint64_t>(g.c * 1000 + g.o));
    x.resize(static_cast<size_t>(g.c * g.h * g.w));
    weights.resize(static_cast<size_t>(g.o * g.c * g.kernel * g.kernel));
    random.Fill(x, -1, 1);
    random.Fill(weights, -scale, scale);
    const auto outputs = [&](int64_t input) {
      return (input + 2 * g.pad - g.dilation * (g.kernel - 1) - 1) / g.stride + 1;
    };
    spec.values = {{"x", {1, g.c, g.h, g.w}},
                   {"w", {g.o, g.c, g.kernel, g.kernel}, weights.data()},
                   {"y", {1, g.o, outputs(g.h), outputs(g.w)}}};
    spec.values[1].constant_id = 0;
    Conv2dSpec conv;
    conv.strides = {g.stride, g.stride};
    conv.dilations = {g.dilation, g.dilation};
    conv.pads = {g.pad, g.pad, g.pad, g.pad};
    spec.steps = {{"conv2d", "stem", {0, 1}, {2}, conv}};
    spec.inputs = {{0, PortLayout::kNchw}};
    spec.outputs = {{2, PortLayout::kNchw}};
  }
};

struct Outcome {
  Status status;
  std::string kernel;
  std::vector<float> y;
};

Outcome Compute(const Layer& layer, const KernelTable& kernels, PackCache& packs, const PlanOptions& options) {
  Outcome outcome;
  std::unique_ptr<Plan> plan;
  outcome.status = Plan::Create(layer.spec, kernels, packs, &plan, options);
  if (!outcome.status.ok()) return outcome;
  for (size_t i = 0; i < plan->step_count(); ++i) {
    if (plan->step_info(i).macs > 0) outcome.kernel = plan->step_info(i).kernel;
  }
  outcome.y.resize(static_cast<size_t>(plan->outputs()[0].elements()));
  const float* inputs[] = {layer.x.data()};
  float* outputs[] = {outcome.y.data()};
  RunOptions run;
  run.inputs = inputs;
  run.outputs = outputs;
  CHECK(plan->Run(run).ok());
  return outcome;
}

PlanOptions Wanting(ConvForm form, bool fail = false) {
  PlanOptions options;
  options.strict = false;
  options.form = form;
  options.fail_self_check = fail;
  return options;
}

Outcome Directly(const Layer& layer, const KernelTable& kernels) {
  PackCache packs;
  return Compute(layer, kernels, packs, Wanting({ConvForm::kDirect}));
}

void CheckSame(const Outcome& got, const Outcome& want, const char* what) {
  CHECK(got.status.ok() && got.kernel == want.kernel, "%s: '%s', want '%s' %s", what, got.kernel.c_str(),
        want.kernel.c_str(), got.status.message.c_str());
  CHECK(got.y.size() == want.y.size());
  for (size_t i = 0; i < got.y.size() && i < want.y.size(); ++i) {
    CHECK(SameBits(got.y[i], want.y[i]), "%s: %g, want %g", what, double(got.y[i]), double(want.y[i]));
  }
}

struct FormCase {
  const KernelTable* table;
  ConvForm form;
  const char* kernel;  // begins the name of the step
};

// Every form on every ISA that has it.
std::vector<FormCase> Forms() {
  std::vector<FormCase> forms;
  std::vector<const KernelTable*> tables = Tables();
  if (const KernelTable* emulated = EmulatedAmxTable()) tables.push_back(emulated);
  for (const KernelTable* table : tables) {
    forms.push_back({table, {ConvForm::kWinograd, 2}, "winograd F(2)"});
    forms.push_back({table, {ConvForm::kWinograd, 4}, "winograd F(4)"});
    forms.push_back({table, {ConvForm::kStrassen}, "strassen"});
    if (table->matrix != nullptr) forms.push_back({table, {ConvForm::kMatrix}, "matrix"});
  }
  return forms;
}

const Geometry kPlain = {40, 72, 12, 13, 3, 1, 1, 1}, kPointwise = {160, 192, 12, 13, 1, 1, 0, 1};
const Geometry& Usual(ConvForm form) { return form.kind == ConvForm::kStrassen ? kPointwise : kPlain; }

bool Has(ConvForm form, const Geometry& g) {
  switch (form.kind) {
    case ConvForm::kWinograd: return g.kernel == 3 && g.stride <= 2 && g.dilation == 1;
    case ConvForm::kStrassen: return g.kernel == 1 && g.c % 32 == 0 && g.o % 64 == 0 && g.h % 2 == 0;
    default: return true;
  }
}

TEST(EveryFormPassesItsSelfCheck) {
  const Geometry geometries[] = {kPlain,
                                 kPointwise,
                                 {32, 64, 2, 1, 1, 1, 0, 1},
                                 {1, 1, 1, 1, 3, 1, 1, 1},
                                 {16, 16, 6, 6, 3, 1, 0, 1},
                                 {17, 33, 9, 5, 3, 1, 2, 1},
                                 {300, 130, 5, 5, 3, 1, 7, 1},
                                 {40, 72, 13, 12, 3, 2, 1, 1},
                                 {17, 33, 9, 6, 3, 2, 2, 1},
                                 {33, 40, 11, 8, 1, 1, 0, 1},
                                 {20, 24, 12, 12, 5, 2, 2, 1},
                                 {64, 48, 13, 9, 3, 3, 4, 2}};
  for (const FormCase& f : Forms()) {
    for (const Geometry& g : geometries) {
      if (!Has(f.form, g)) continue;
      for (const float scale : {1.f, 1e-20f, 1e-30f, 1e-36f, 1e-44f, 0.f, 1e15f}) {
        if (QuickLevel() && scale != 1 && scale != 1e-36f) continue;
        PackCache packs;
        const Outcome got = Compute(Layer(g, scale), *f.table, packs, Wanting(f.form, /*fail=*/true));
        CHECK(got.status.ok() && got.kernel.rfind(f.kernel, 0) == 0, "%s %s, %d channels, weights of %g: '%s' %s",
              f.table->isa, f.kernel, static_cast<int>(g.c), double(scale), got.kernel.c_str(),
              got.status.message.c_str());
      }
    }
  }
}

TEST(WeightsThatAreNotFiniteAreConvolvedDirectly) {
  for (const FormCase& f : Forms()) {
    for (const float odd : {kInf, -kInf, kNan, 1e30f}) {
      for (const double at : {0., 0.4, 1.}) {
        for (const bool fail : {false, true}) {
          Layer layer(Usual(f.form));
          layer.weights[static_cast<size_t>(at * static_cast<double>(layer.weights.size() - 1))] = odd;
          PackCache packs;
          CheckSame(Compute(layer, *f.table, packs, Wanting(f.form, fail)), Directly(layer, *f.table), f.table->isa);
        }
      }
    }
  }
}

// ---- broken tables: a good one with a kernel replaced

const KernelTable* good = nullptr;
int tile = 0;  // in its arrays of Winograd kernels
int calls = 0;

void CountedInput(const WinogradInputArgs& args) {
  ++calls;
  good->winograd_input[tile](args);
}

void WrongInput(const WinogradInputArgs& args) {
  ++calls;
  good->winograd_input[tile](args);
  float* v = args.v + 7 * args.v_stride;
  for (int i = 0; i < good->lanes; ++i) v[i] *= 1.01f;
}

void WrongOutput(const WinogradOutputArgs& args) {
  good->winograd_output[tile](args);
  float* y = args.y + (args.rows - 1) * args.y_row_stride + (args.cols - 1) * args.y_pixel_stride;
  for (int i = 0; i < good->lanes; ++i) y[i] += 0.1f;
}

void WrongSums(const StrassenSumsArgs& args) {
  good->strassen_sums(args);
  for (size_t i = 0; i < args.n; i += static_cast<size_t>(good->lanes)) args.s[3 * args.s_stride + i] += 0.1f;
}

// As if the weights of the first two input channels had been packed in each other's place.
template <size_t index>
void WrongWeights(const TileArgs& args) {
  constexpr size_t vectors = index / kMaxTilePixels + 1;
  const size_t row = vectors * static_cast<size_t>(good->lanes);
  size_t rows = 0;
  for (size_t i = 0; i < args.run_count; ++i) rows += args.runs[i].count;
  if (rows < 2) return good->tile[index / kMaxTilePixels][index % kMaxTilePixels](args);
  std::vector<float> broken(args.weights, args.weights + rows * row);
  for (size_t i = 0; i < row; ++i) std::swap(broken[i], broken[row + i]);
  // Packed weights are aligned.
  Buffer aligned;
  if (!aligned.Allocate(broken.size()).ok()) return;
  std::copy(broken.begin(), broken.end(), aligned.data());
  TileArgs changed = args;
  changed.weights = aligned.data();
  good->tile[index / kMaxTilePixels][index % kMaxTilePixels](changed);
}

template <size_t... index>
void BreakTiles(KernelTable* table, std::index_sequence<index...>) {
  TileKernel* kernels[] = {&table->tile[index / kMaxTilePixels][index % kMaxTilePixels]...};
  const TileKernel wrong[] = {WrongWeights<index>...};
  for (size_t i = 0; i < sizeof...(index); ++i) {
    if (*kernels[i] != nullptr) *kernels[i] = wrong[i];
  }
}

struct Breakage {
  const char* name;
  void (*apply)(KernelTable*);
  std::optional<ConvForm::Kind> of{};  // any, or one
};
const Breakage kBreakages[] = {
    {"input transform", [](KernelTable* t) { t->winograd_input[tile] = WrongInput; }, ConvForm::kWinograd},
    {"output transform", [](KernelTable* t) { t->winograd_output[tile] = WrongOutput; }, ConvForm::kWinograd},
    {"sums of pixels", [](KernelTable* t) { t->strassen_sums = WrongSums; }, ConvForm::kStrassen},
    {"packed weights",
     [](KernelTable* t) { BreakTiles(t, std::make_index_sequence<kMaxTileVectors * kMaxTilePixels>()); }},
};

TEST(WhatIsBrokenIsFoundAndNotUsed) {
  constexpr WinogradTile kFour{4, 1};
  constexpr ConvForm kWinograd = {ConvForm::kWinograd, 4}, kStrassen = {ConvForm::kStrassen};
  constexpr struct Variant {
    ConvForm form;
    int64_t id, stride;
    int tile;
  } kVariants[] = {{kWinograd, 0, 1, kFour.index()},
                   {kWinograd, kNone, 1, kFour.index()},
                   {kWinograd, 0, 1, kFour.index(true, false)},
                   {kWinograd, 0, 1, kFour.index(false, true)},
                   {kWinograd, 0, 1, kFour.index(true, true)},
                   {kWinograd, 0, 2, WinogradTile{4, 2}.index()},
                   {kStrassen, 0, 1, 0}};
  for (const KernelTable* table : Tables()) {
    for (const Breakage& breakage : kBreakages) {
      for (const Variant& v : kVariants) {
        if (breakage.of && *breakage.of != v.form.kind) continue;
        good = table;
        tile = v.tile;
        KernelTable broken = *table;
        breakage.apply(&broken);
        Geometry g = Usual(v.form);
        g.stride = v.stride;
        Layer layer(g);
        layer.spec.values[1].constant_id = v.id;
        PackCache packs, direct_packs;
        CheckSame(Compute(layer, broken, packs, Wanting(v.form)), Directly(layer, broken), breakage.name);

        CHECK(Compute(layer, broken, direct_packs, Wanting({ConvForm::kDirect})).status.ok());
        CHECK(packs.bytes() == direct_packs.bytes(), "%s: weights that failed are kept", breakage.name);

        PackCache other;
        const Status status = Compute(layer, broken, other, Wanting(v.form, /*fail=*/true)).status;
        CHECK(status.code == Code::kInternal && status.message.find("conv2d 'stem'") == 0, "%s %s: '%s'", table->isa,
              breakage.name, status.message.c_str());
      }
    }
  }
}

TEST(AFormIsCheckedOnceForAllPlans) {
  for (const bool works : {true, false}) {
    good = Tables().back();
    KernelTable counting = *good;
    tile = WinogradTile{4, 1}.index();
    counting.winograd_input[tile] = works ? CountedInput : WrongInput;
    const Layer layer(kPlain);
    PackCache packs;
    std::unique_ptr<Plan> plan;
    const PlanOptions options = Wanting({ConvForm::kWinograd, 4});
    for (const bool first : {true, false}) {
      calls = 0;
      CHECK(Plan::Create(layer.spec, counting, packs, &plan, options).ok());
      CHECK((calls > 0) == first, "%s plan: %d calls", first ? "first" : "second", calls);
    }
    packs.TakeAll();
    CHECK(Plan::Create(layer.spec, counting, packs, &plan, options).ok() && calls > 0, "forgotten with the weights");
  }
}

}  // namespace
}  // namespace lanewise::test
