// Each form's time from what one core was seen to sustain. Only the ratios matter: the figures are those of a current
// server core at its clock under dense vector code, and the forms were told apart by them on every layer of the zoo.
#include <algorithm>
#include <cmath>

#include "core/conv.h"
#include "core/winograd_tiles.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

constexpr double kHertz = 3.5e9;

// How fast weights come, from the cache that holds them: bytes per second.
double WeightBandwidth(double bytes, double from_third_cache) {
  const CacheSizes& caches = Caches();
  if (bytes <= static_cast<double>(caches.l2_bytes) / 2) return 150e9;
  return bytes <= static_cast<double>(caches.l3_bytes) ? from_third_cache : from_third_cache / 1.3;
}

double Blocks(int64_t channels, int lanes) { return static_cast<double>((channels + lanes - 1) / lanes); }

double VectorSeconds(double products, double efficiency, int lanes) {
  return products / (2 * lanes * kHertz * efficiency);
}

double DirectSeconds(const ConvExtents& e, int lanes) {
  const double weights = static_cast<double>(e.c * e.taps()) * Blocks(e.o, lanes) * lanes;
  const double products = static_cast<double>(e.n * e.oh * e.ow) * weights;
  return std::max(VectorSeconds(products, 0.85, lanes), 4 * weights / WeightBandwidth(4 * weights, 30e9));
}

double WinogradSeconds(WinogradTile tile, const ConvExtents& e, int lanes) {
  const double frequencies = tile.frequencies(), panels = tile.panels() * tile.panels();
  const WinogradShape shape(tile, e.oh, e.ow);
  const auto tiles = static_cast<double>(shape.tiles()), all_frequencies = static_cast<double>(shape.products());
  const double inputs = Blocks(e.c, lanes), outputs = Blocks(e.o, lanes), images = static_cast<double>(e.n);
  const double pairs = static_cast<double>(e.c) * outputs * lanes;
  // Few tiles make short microkernel tiles: each weight vector is loaded for fewer products.
  const double efficiency = std::min(0.85, 0.2 + 0.06 * tiles);
  // The weights come once for every block of tiles whose transforms stay in the second cache.
  constexpr double kOutputsAtOnce = 2;
  const double tile_bytes = 4 * frequencies * (inputs + kOutputsAtOnce) * lanes;
  const double block = std::max(static_cast<double>(kFewestWinogradTiles),
                                static_cast<double>(Caches().l2_bytes) * kWinogradShare / tile_bytes);
  const double weight_bytes = 4 * panels * pairs, passes = std::ceil(tiles / block);
  const double products = VectorSeconds(images * all_frequencies * pairs, efficiency, lanes);
  const double weights = images * passes * weight_bytes / WeightBandwidth(weight_bytes, 24e9);
  const double transforms = images * all_frequencies * 1.5 * (inputs + outputs) * 0.7e-9;
  return std::max(products, weights) + transforms;
}

// Of the direct form's time. What it costs to save an eighth of the products are cycles of loads and stores, as seen on
// a Zen 4: for each vector of pixels, which are added up, of outputs, and of weights, which are 7/4 as large.
double StrassenShare(const Conv2dSpec& spec, const ConvExtents& e, const KernelTable& kernels) {
  const double inputs = Blocks(e.c, kernels.lanes), outputs = Blocks(e.o, kernels.lanes);
  const auto pixels = static_cast<double>(e.oh * e.ow), images = static_cast<double>(e.n);
  const double bytes = 4 * kernels.lanes * pixels * (inputs + outputs);
  const double products = images * pixels * static_cast<double>(e.c) * outputs;
  const double per_vector = bytes <= 2 * static_cast<double>(Caches().l2_bytes) ? 6 : 10, per_weight = 6;
  const double per_residual = spec.epilogue.residual == kNone ? 0 : 5;
  const double extra = images * pixels * ((inputs + outputs) * per_vector + outputs * per_residual) +
                       static_cast<double>(e.c) * outputs * per_weight;
  return 7. / 8 + extra / products;
}

double MatrixSeconds(const Conv2dSpec& spec, const ConvExtents& e) {
  constexpr double kStepCycles = 430;   // 24 products of tiles of 16 cycles each, and what their loads cost
  constexpr double kGroupCycles = 150;  // of an epilogue that the products do not hide
  constexpr double kSplitCycles = 17;   // a vector of two blocks
  const auto ceil = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t more_cols = (e.kw - 1) * spec.dilations.w / spec.strides.w;
  const int64_t pixels = e.oh * (e.ow + more_cols), channel_steps = ceil(e.c, 2 * kPairs);
  const int64_t blocks = ceil(e.o, kPairs);
  const auto groups =
      static_cast<double>(blocks / 2 * ceil(pixels, kMatrixPixels[1]) + blocks % 2 * ceil(pixels, kMatrixPixels[0]));
  const double input_vectors = static_cast<double>(e.h * e.w * channel_steps);
  const double cycles = groups * (static_cast<double>(channel_steps * e.taps()) * kStepCycles + kGroupCycles) +
                        input_vectors * kSplitCycles;
  const double weight_bytes = 4. * static_cast<double>(channel_steps * e.taps() * blocks) * 2 * kMatrixTile;
  return static_cast<double>(e.n) *
         std::max(cycles / (kHertz * 0.9), weight_bytes / WeightBandwidth(weight_bytes, 10e9));
}

}  // namespace

bool Fits(const ConvForm& form, const Conv2dSpec& spec, const ConvExtents& e, const KernelTable& kernels) {
  switch (form.kind) {
    case ConvForm::kDirect: return true;
    case ConvForm::kWinograd:
      return e.groups == 1 && e.kh == 3 && e.kw == 3 && spec.strides.h <= 2 && spec.strides.w == spec.strides.h &&
             spec.dilations.h == 1 && spec.dilations.w == 1;
    case ConvForm::kStrassen:
      return e.groups == 1 && e.taps() == 1 && spec.strides.h == 1 && spec.strides.w == 1 && e.oh == e.h &&
             e.ow == e.w && spec.pads.top == 0 && spec.pads.left == 0 && e.oh > 0 && e.oh % 2 == 0 && e.ow > 0 &&
             e.c > 0 && e.c % kStrassenInputs == 0 && e.o > 0 && e.o % kStrassenOutputs == 0 &&
             spec.epilogue.scale == kNone && spec.epilogue.gate == kNone && !spec.epilogue.add_after_activation;
    case ConvForm::kMatrix: return e.groups == 1 && kernels.matrix != nullptr;
  }
  return false;
}

ConvForm ChooseForm(const Conv2dSpec& spec, const ConvExtents& e, const KernelTable& kernels) {
  ConvForm best;
  // Fewer channels than a vector has lanes make too little of either algorithm.
  if (e.c < kPairs || e.o == 0 || e.n * e.oh * e.ow == 0) return best;
  const double direct_seconds = DirectSeconds(e, kernels.lanes);
  double best_seconds = direct_seconds;
  const auto consider = [&](ConvForm form, double seconds) {
    if (!Fits(form, spec, e, kernels) || seconds >= best_seconds) return;
    best_seconds = seconds;
    best = form;
  };
  if (e.o >= kPairs) {
    // Larger weights take memory and time to load, and the way from the third cache is shared: not for a few percent.
    constexpr double kWorthwhile = 0.9;
    const int stride = static_cast<int>(spec.strides.h);
    for (const int m : {2, 4}) {
      const double seconds = WinogradSeconds({m, stride}, e, kernels.lanes);
      if (seconds < kWorthwhile * direct_seconds) consider({ConvForm::kWinograd, m}, seconds);
    }
  }
  // Only where a product of a vector takes a cycle. At two a cycle the additions weigh twice as much: what the same
  // costs would still have chosen, layers of 1024 channels, took up to 15 % longer with 512 bits.
  constexpr double kStrassenWorthwhile = 0.97;
  if (kernels.lanes == 16 && DetectedFeatures().avx512_in_halves) {
    const double share = StrassenShare(spec, e, kernels);
    if (share < kStrassenWorthwhile) consider({ConvForm::kStrassen}, share * direct_seconds);
  }
  consider({ConvForm::kMatrix}, MatrixSeconds(spec, e));
  return best;
}

}  // namespace lanewise
