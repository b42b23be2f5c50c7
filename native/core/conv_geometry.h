// Geometry shared by everything that slides a kernel over a plane.
#pragma once
#include <algorithm>

#include "core/plan_spec.h"
#include "core/tensor.h"

namespace lanewise {

// The border that a zero-padding reader needs around its input: `before` as given, and after the last row or column as
// far as the last tap of the last output reaches.
inline int64_t BorderAfter(int64_t input, int64_t output, int64_t kernel, int64_t stride, int64_t dilation,
                           int64_t before) {
  const int64_t reach = (output - 1) * stride + dilation * (kernel - 1) + 1;
  return std::max<int64_t>(0, reach - before - input);
}

inline Halo ConvHalo(const Conv2dSpec& spec, const Shape& x, const Shape& w, const Shape& y) {
  if (y[2] == 0 || y[3] == 0) return {};
  return {std::max<int64_t>(0, spec.pads.top), std::max<int64_t>(0, spec.pads.left),
          BorderAfter(x[2], y[2], w[2], spec.strides.h, spec.dilations.h, spec.pads.top),
          BorderAfter(x[3], y[3], w[3], spec.strides.w, spec.dilations.w, spec.pads.left)};
}

// One axis of one phase of a transposed convolution. Outputs o = phase, phase + stride, ... are an ordinary convolution
// of stride 1: y[phase + stride*i] = sum over t: x[i + shift + t*step] * w[first + t*stride'].
struct PhaseAxis {
  int64_t outputs;               // how many outputs this phase has
  std::vector<int64_t> taps;     // kernel indices, ascending
  std::vector<int64_t> offsets;  // of the input read for output i = 0 by each tap; output i reads offset + i
};

inline PhaseAxis MakePhaseAxis(int64_t phase, int64_t output, int64_t kernel, int64_t stride, int64_t dilation,
                               int64_t pad) {
  PhaseAxis axis;
  axis.outputs = output > phase ? (output - phase + stride - 1) / stride : 0;
  // Output o receives x[i]*w[u] where i*stride - pad + u*dilation = o.
  for (int64_t u = 0; u < kernel; ++u) {
    const int64_t numerator = phase + pad - u * dilation;
    if (((numerator % stride) + stride) % stride != 0) continue;
    axis.taps.push_back(u);
    axis.offsets.push_back(numerator / stride);
  }
  return axis;
}

inline Halo ConvTransposeHalo(const ConvTranspose2dSpec& spec, const Shape& x, const Shape& w, const Shape& y) {
  Halo halo;
  const auto grow = [](const PhaseAxis& axis, int64_t input, int64_t* before, int64_t* after) {
    if (axis.outputs == 0) return;
    for (int64_t offset : axis.offsets) {
      *before = std::max(*before, -offset);
      *after = std::max(*after, offset + axis.outputs - input);
    }
  };
  for (int64_t p = 0; p < std::min(spec.strides.h, y[2]); ++p) {
    grow(MakePhaseAxis(p, y[2], w[2], spec.strides.h, spec.dilations.h, spec.pads.top), x[2], &halo.top, &halo.bottom);
  }
  for (int64_t p = 0; p < std::min(spec.strides.w, y[3]); ++p) {
    grow(MakePhaseAxis(p, y[3], w[3], spec.strides.w, spec.dilations.w, spec.pads.left), x[3], &halo.left, &halo.right);
  }
  return halo;
}

}  // namespace lanewise
