// What happens to a tile of accumulators between the last multiply-add and memory; see Epilogue in contract.h.
#pragma once

#include "kernels/contract.h"
#include "kernels/shared/activation.h"

namespace {

using lanewise::Act;
using lanewise::Activation;
using lanewise::Epilogue;

inline Vec load_lanes(const float* p, size_t lanes) { return lanes == kLanes ? load(p) : load_tail(p, lanes); }

inline void store_lanes(float* p, Vec v, size_t lanes) {
  if (lanes == kLanes) {
    store(p, v);
  } else {
    store_tail(p, v, lanes);
  }
}

// Of MR x NR accumulators: of one vector, 14 at most leave registers for the constants of an exponential one. (All 28
// of a dense tile: 1.5 % of EfficientNet-B0 slower than a second pass, depthwise ones 0.6 % faster.)
template <int MR, int NR>
constexpr bool leaves_registers() {
  return NR == 1 && MR <= 14;
}

template <int MR, int NR>
bool applied_in_registers(Act kind) {
  switch (kind) {
    case Act::kNone:
    case Act::kRelu:
    case Act::kClip:
    case Act::kLeakyRelu:
    case Act::kPrelu:
    case Act::kHardSigmoid:
    case Act::kHardSwish: return true;
    case Act::kScaledSilu: return leaves_registers<MR, NR>();
    default: return false;
  }
}

template <Act kind>
void activate_stored(float* y, ptrdiff_t pixel_stride, ptrdiff_t block_stride, int pixels, int vectors,
                     size_t last_lanes) {
  const Vec unused = splat(0.f);
  for (int n = 0; n < vectors; ++n) {
    float* p = y + n * block_stride;
    if (n == vectors - 1 && last_lanes < kLanes) {
      for (int m = 0; m < pixels; ++m, p += pixel_stride) {
        store_tail(p, activate(kind, load_tail(p, last_lanes), unused, unused), last_lanes);
      }
    } else {
      for (int m = 0; m < pixels; ++m, p += pixel_stride) store(p, activate(kind, load(p), unused, unused));
    }
  }
}

// Second pass over a stored tile: the parts of the epilogue that follow an exponential activation, or that are rare.
// One loop per activation, which keeps its constants in registers.
__attribute__((noinline)) void finish_stored(const Epilogue& e, float* y, ptrdiff_t pixel_stride,
                                             ptrdiff_t block_stride, int pixels, int vectors, size_t last_lanes) {
  using Activate = void (*)(float*, ptrdiff_t, ptrdiff_t, int, int, size_t);
  Activate activate_all = nullptr;
  switch (e.activation.kind) {
    case Act::kSigmoid: activate_all = activate_stored<Act::kSigmoid>; break;
    case Act::kSilu: activate_all = activate_stored<Act::kSilu>; break;
    case Act::kTanh: activate_all = activate_stored<Act::kTanh>; break;
    case Act::kGelu: activate_all = activate_stored<Act::kGelu>; break;
    case Act::kGeluTanh: activate_all = activate_stored<Act::kGeluTanh>; break;
    case Act::kScaledSilu: activate_all = activate_stored<Act::kScaledSilu>; break;
    default: break;
  }
  if (activate_all != nullptr) activate_all(y, pixel_stride, block_stride, pixels, vectors, last_lanes);
  const float* residual = e.add_after_activation ? e.residual : nullptr;
  if (residual == nullptr && e.gate == nullptr) return;
  for (int n = 0; n < vectors; ++n) {
    const size_t lanes = n == vectors - 1 ? last_lanes : static_cast<size_t>(kLanes);
    for (int m = 0; m < pixels; ++m) {
      float* p = y + m * pixel_stride + n * block_stride;
      Vec v = load_lanes(p, lanes);
      if (residual != nullptr) {
        v = add(v, load_lanes(residual + m * e.residual_pixel_stride + n * e.residual_block_stride, lanes));
      }
      if (e.gate != nullptr) {
        v = mul(v, load_lanes(e.gate + m * e.gate_pixel_stride + n * e.gate_block_stride, lanes));
      }
      store_lanes(p, v, lanes);
    }
  }
}

template <int MR, int NR>
inline __attribute__((always_inline)) void finish(Vec (&acc)[MR][NR], const Epilogue& e, float* y,
                                                  ptrdiff_t pixel_stride, ptrdiff_t block_stride, size_t last_lanes) {
  if (e.scale != nullptr) {
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) {
      const Vec scale = load(e.scale + n * kLanes), shift = load(e.shift + n * kLanes);
#pragma GCC unroll 28
      for (int m = 0; m < MR; ++m) acc[m][n] = fma(acc[m][n], scale, shift);
    }
  }
  if (e.residual != nullptr && !e.add_after_activation) {
#pragma GCC unroll 4
    for (int n = 0; n < NR; ++n) {
      const float* r = e.residual + n * e.residual_block_stride;
#pragma GCC unroll 28
      for (int m = 0; m < MR; ++m) {
        acc[m][n] = add(acc[m][n], n == NR - 1 ? load_lanes(r, last_lanes) : load(r));
        r += e.residual_pixel_stride;
      }
    }
  }
  const bool more_follows = e.gate != nullptr || (e.residual != nullptr && e.add_after_activation);
  switch (e.activation.kind) {
    case Act::kRelu:
    case Act::kClip: {
      const bool is_relu = e.activation.kind == Act::kRelu;
      const Vec lo = splat(is_relu ? 0.f : e.activation.alpha);
      const Vec hi = splat(is_relu ? __builtin_inff() : e.activation.beta);
#pragma GCC unroll 28
      for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
        for (int n = 0; n < NR; ++n) acc[m][n] = clip(acc[m][n], lo, hi);
      break;
    }
    case Act::kLeakyRelu:
    case Act::kPrelu:
#pragma GCC unroll 4
      for (int n = 0; n < NR; ++n) {
        const Vec slope = e.activation.kind == Act::kPrelu ? load(e.slope + n * kLanes) : splat(e.activation.alpha);
#pragma GCC unroll 28
        for (int m = 0; m < MR; ++m) acc[m][n] = leaky(acc[m][n], slope);
      }
      break;
    case Act::kHardSigmoid:
    case Act::kHardSwish: {
      const Vec a = splat(e.activation.alpha), b = splat(e.activation.beta);
      if (e.activation.kind == Act::kHardSwish) {
#pragma GCC unroll 28
        for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
          for (int n = 0; n < NR; ++n) acc[m][n] = hard_swish(acc[m][n], a, b);
      } else {
#pragma GCC unroll 28
        for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
          for (int n = 0; n < NR; ++n) acc[m][n] = hard_sigmoid(acc[m][n], a, b);
      }
      break;
    }
    case Act::kScaledSilu:
      if constexpr (leaves_registers<MR, NR>()) {
        if (more_follows) break;
#pragma GCC unroll 14
        for (int m = 0; m < MR; ++m) acc[m][0] = scaled_silu(acc[m][0]);
      }
      break;
    default: break;
  }
#pragma GCC unroll 4
  for (int n = 0; n < NR; ++n) {
    float* p = y + n * block_stride;
#pragma GCC unroll 28
    for (int m = 0; m < MR; ++m) {
      if (n == NR - 1) {
        store_lanes(p, acc[m][n], last_lanes);
      } else {
        store(p, acc[m][n]);
      }
      p += pixel_stride;
    }
  }
  if (more_follows || !applied_in_registers<MR, NR>(e.activation.kind)) {
    finish_stored(e, y, pixel_stride, block_stride, MR, NR, last_lanes);
  }
}

}  // namespace
