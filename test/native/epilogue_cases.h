// Epilogues for the tests of the convolution kernels: logical operands, the exact result with the derived distance that
// a kernel in float may have from it, and guarded memory in the strides of the contract.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "blocked_planes.h"
#include "check.h"
#include "guarded_buffer.h"
#include "kernels/contract.h"
#include "reference.h"

namespace lanewise::test {

// A sample of each sweep where everything takes ten times as long (sanitizers, emulators).
inline bool QuickLevel() {
  const char* level = std::getenv("LANEWISE_TEST_LEVEL");
  return level != nullptr && std::strcmp(level, "quick") == 0;
}

// What exact arithmetic gives, and how far from it a kernel may be.
struct Bounded {
  double value, bound;
};

inline constexpr Act kActs[] = {Act::kNone,  Act::kRelu,        Act::kClip,      Act::kLeakyRelu,
                                Act::kPrelu, Act::kHardSigmoid, Act::kHardSwish, Act::kSigmoid,
                                Act::kSilu,  Act::kTanh,        Act::kGelu,      Act::kGeluTanh};
inline constexpr size_t kActCount = sizeof kActs / sizeof kActs[0];

inline bool IsPiecewise(Act act) {
  return act != Act::kSigmoid && act != Act::kSilu && act != Act::kTanh && act != Act::kGelu && act != Act::kGeluTanh;
}

enum class Residual { kNone, kBefore, kAfter };
enum class Gate { kNone, kPerChannel, kFull };

// [pixels][channels] operands of an epilogue.
struct EpilogueCase {
  Activation activation;
  bool scaled = false;
  Residual residual_kind = Residual::kNone;
  Gate gate_kind = Gate::kNone;
  size_t channels = 0;
  std::vector<float> scale, shift, slope, residual, gate;

  // `variant` walks through all activations, then through the combinations of the rest.
  static EpilogueCase Make(size_t variant, size_t pixels, size_t channels, Numbers numbers, Random& random) {
    const bool exact = numbers == Numbers::kIntegers;
    EpilogueCase e;
    e.channels = channels;
    e.activation.kind = kActs[variant % kActCount];
    switch (e.activation.kind) {
      case Act::kClip: e.activation.alpha = -20, e.activation.beta = 30; break;
      case Act::kLeakyRelu: e.activation.alpha = 0.25f; break;
      case Act::kHardSigmoid: e.activation.alpha = exact ? 0.25f : 0.2f, e.activation.beta = 0.5f; break;
      case Act::kHardSwish: e.activation.alpha = exact ? 0.25f : 1.f / 6, e.activation.beta = 0.5f; break;
      default: break;
    }
    const size_t rest = random.Below(18);
    e.scaled = rest % 2 != 0;
    e.residual_kind = static_cast<Residual>(rest / 2 % 3);
    e.gate_kind = static_cast<Gate>(rest / 6);
    const auto fill = [&](std::vector<float>* values, size_t count, float unit) {
      for (size_t i = 0; i < count; ++i) {
        values->push_back((static_cast<float>(random.Below(7)) - 3) * unit + (exact ? 0 : random.Uniform(0, unit)));
      }
    };
    fill(&e.scale, channels, exact ? 1 : 0.25f);
    fill(&e.shift, channels, 1);
    fill(&e.slope, channels, 0.25f);
    fill(&e.residual, pixels * channels, 1);
    fill(&e.gate, pixels * channels, 1);
    return e;
  }

  // Whether integer operands give a result without any rounding.
  bool Exact() const { return IsPiecewise(activation.kind); }

  Bounded Finish(Bounded v, size_t pixel, size_t channel) const {
    const size_t at = pixel * channels + channel;
    if (scaled) v = MultiplyAdd(v, scale[channel], shift[channel]);
    if (residual_kind == Residual::kBefore) v = Rounded({v.value + residual[at], v.bound});
    v = Activate(v, channel);
    if (residual_kind == Residual::kAfter) v = Rounded({v.value + residual[at], v.bound});
    if (gate_kind != Gate::kNone) {
      const double g = gate[gate_kind == Gate::kFull ? at : channel];
      v = Rounded({v.value * g, v.bound * std::fabs(g)});
    }
    return v;
  }

 private:
  static Bounded Rounded(Bounded v) { return {v.value, v.bound + kRounding * (std::fabs(v.value) + v.bound)}; }
  // Two roundings, as the portable vector has them.
  static Bounded MultiplyAdd(Bounded v, double a, double b) {
    const Bounded product = Rounded({v.value * a, v.bound * std::fabs(a)});
    return Rounded({product.value + b, product.bound});
  }

  // The slope of an activation is at most 1.13 where it is not given; its own error is that of shared/math.h, in ulp.
  Bounded Activate(Bounded v, size_t channel) const {
    const double x = v.value, a = activation.alpha, b = activation.beta;
    const auto ulps = [&](double y, double error) {
      return Bounded{y, 1.13 * v.bound + error * 2 * kRounding * std::fabs(y) + kSmallest * 128};
    };
    switch (activation.kind) {
      case Act::kNone: return v;
      case Act::kRelu: return {x > 0 ? x : x < 0 ? 0 : x, v.bound};
      case Act::kClip: return {std::min(b, std::max(a, x)), v.bound};
      case Act::kLeakyRelu: return Leaky(v, a);
      case Act::kPrelu: return Leaky(v, slope[channel]);
      case Act::kHardSigmoid: return HardSigmoid(v);
      case Act::kHardSwish: {
        const Bounded s = HardSigmoid(v);
        return Rounded({x * s.value, std::fabs(x) * s.bound + v.bound * (std::fabs(s.value) + s.bound)});
      }
      case Act::kSigmoid: return ulps(1 / (1 + std::exp(-x)), 2.5);
      case Act::kSilu: return ulps(x / (1 + std::exp(-x)), 2.5);
      case Act::kTanh: return ulps(std::tanh(x), 2);
      case Act::kGelu:
        return {x / 2 * (1 + std::erf(x / std::sqrt(2.0))), 1.13 * v.bound + 2.5 * kRounding * std::fabs(x)};
      case Act::kGeluTanh: {
        const double u = std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x);
        return {x / 2 * (1 + std::tanh(u)), 1.13 * v.bound + 3 * kRounding * std::fabs(x)};
      }
      case Act::kScaledSilu: break;  // scaled_silu_test.cc
    }
    return v;
  }
  static Bounded Leaky(Bounded v, double negative) {
    const double steepest = std::max(1.0, std::fabs(negative));
    return Rounded({v.value > 0 ? v.value : negative * v.value, v.bound * steepest});
  }
  Bounded HardSigmoid(Bounded v) const {
    const Bounded line = MultiplyAdd(v, activation.alpha, activation.beta);
    return {std::min(1.0, std::max(0.0, line.value)), line.bound};
  }
};

// acc = bias + sum of `terms` products whose magnitudes add up to `magnitude` (the bias included): one rounding per
// product and one per sum.
inline Bounded SumOf(double value, double magnitude, size_t terms) {
  return {value, static_cast<double>(terms + 1) * kRounding * magnitude * 1.001};
}

// Where the vectors of a tile lie.
struct TileLayout {
  ptrdiff_t pixel_stride, block_stride;

  // Blocked; channels last; both with elements between that belong to nobody.
  static TileLayout Make(size_t variant, size_t pixels, size_t vectors, size_t lanes, size_t last_lanes) {
    const size_t channels = (vectors - 1) * lanes + last_lanes;
    size_t pixel = lanes, block = pixels * lanes;
    switch (variant % 4) {
      case 0: break;
      case 1: block += 3 * lanes; break;
      case 2: pixel = channels, block = lanes; break;
      default: pixel = channels + 5, block = lanes; break;
    }
    return {static_cast<ptrdiff_t>(pixel), static_cast<ptrdiff_t>(block)};
  }
};

// `pixels` x `vectors` of guarded memory, of the last vector only `last_lanes`; the guard begins right behind the last
// element or ends right before the first. What is not written stays poison.
class TileMemory {
 public:
  TileMemory(size_t pixels, size_t vectors, size_t lanes, size_t last_lanes, TileLayout layout, Guard guard)
      : pixels_(pixels),
        lanes_(lanes),
        channels_((vectors - 1) * lanes + last_lanes),
        layout_(layout),
        buffer_(Largest() + 1, guard) {}
  float* data() { return buffer_.data(); }
  float& At(size_t pixel, size_t channel) { return buffer_[Index(pixel, channel)]; }

  // Number of elements outside the array that were written.
  size_t Strays() {
    std::vector<bool> inside(buffer_.size(), false);
    for (size_t m = 0; m < pixels_; ++m)
      for (size_t c = 0; c < channels_; ++c) inside[Index(m, c)] = true;
    size_t strays = 0;
    for (size_t i = 0; i < buffer_.size(); ++i) strays += !inside[i] && !IsPoison(buffer_[i]);
    return strays;
  }

 private:
  size_t Index(size_t pixel, size_t channel) const {
    return pixel * static_cast<size_t>(layout_.pixel_stride) +
           channel / lanes_ * static_cast<size_t>(layout_.block_stride) + channel % lanes_;
  }
  size_t Largest() const {
    size_t largest = 0;
    for (size_t c = 0; c < channels_; ++c) largest = std::max(largest, Index(pixels_ - 1, c));
    return largest;
  }

  size_t pixels_, lanes_, channels_;
  TileLayout layout_;
  GuardedBuffer buffer_;
};

// The operands of one kernel call in guarded memory. `epilogue` points into it.
class PlacedEpilogue {
 public:
  // Pixels [first_pixel, first_pixel + pixels) and channels from `first_channel` of the case, as a tile sees them.
  PlacedEpilogue(const EpilogueCase& e, size_t first_pixel, size_t pixels, size_t first_channel, size_t vectors,
                 size_t lanes, size_t last_lanes, size_t variant, Guard guard) {
    const size_t channels = (vectors - 1) * lanes + last_lanes;
    const auto per_channel = [&](const std::vector<float>& values) {
      kept_.push_back(std::make_unique<GuardedBuffer>(vectors * lanes, guard));
      std::copy_n(values.begin() + static_cast<ptrdiff_t>(first_channel), channels, kept_.back()->begin());
      return kept_.back()->data();
    };
    epilogue.activation = e.activation;
    if (e.scaled) epilogue.scale = per_channel(e.scale), epilogue.shift = per_channel(e.shift);
    if (e.activation.kind == Act::kPrelu) epilogue.slope = per_channel(e.slope);
    const auto per_pixel = [&](const std::vector<float>& values, size_t first_row, size_t rows, TileLayout layout) {
      tiles_.push_back(std::make_unique<TileMemory>(rows, vectors, lanes, last_lanes, layout, guard));
      for (size_t m = 0; m < rows; ++m)
        for (size_t c = 0; c < channels; ++c)
          tiles_.back()->At(m, c) = values[(first_row + m) * e.channels + first_channel + c];
      return tiles_.back()->data();
    };
    if (e.residual_kind != Residual::kNone) {
      const TileLayout layout = TileLayout::Make(variant, pixels, vectors, lanes, last_lanes);
      epilogue.residual = per_pixel(e.residual, first_pixel, pixels, layout);
      epilogue.residual_pixel_stride = layout.pixel_stride;
      epilogue.residual_block_stride = layout.block_stride;
      epilogue.add_after_activation = e.residual_kind == Residual::kAfter;
    }
    if (e.gate_kind != Gate::kNone) {
      const bool full = e.gate_kind == Gate::kFull;
      const size_t rows = full ? pixels : 1;
      const TileLayout layout = TileLayout::Make(variant / 4, rows, vectors, lanes, last_lanes);
      epilogue.gate = per_pixel(e.gate, full ? first_pixel : 0, rows, layout);
      epilogue.gate_pixel_stride = full ? layout.pixel_stride : 0;
      epilogue.gate_block_stride = layout.block_stride;
    }
  }
  Epilogue epilogue;

 private:
  std::vector<std::unique_ptr<GuardedBuffer>> kept_;
  std::vector<std::unique_ptr<TileMemory>> tiles_;
};

// Whether a result is what the case says: exactly, or within the derived bound.
inline bool IsExpected(float got, Bounded want, bool exact) { return Near(got, want.value, exact ? 0 : want.bound); }

}  // namespace lanewise::test
