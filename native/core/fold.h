// Exact weight algebra: affine maps moved into convolution weights, computed in double and rounded once.
#pragma once
#include <cstdint>

namespace lanewise {

// Extents of a weight tensor seen by folding: W[o][i] with `taps` elements each, o over all output channels, i over the
// input channels of a group. `output_first` tells OIHW (convolution, linear) from C(O/g)HW (transposed convolution).
struct WeightExtents {
  int64_t outputs, inputs, groups, taps;
  bool output_first = true;
};

// Both compute the outputs [begin, end) alone: a caller may take a large weight in parts.
//
// z = scale*conv(x) + shift:  W'[o] = scale[o]*W[o],  b'[o] = scale[o]*b[o] + shift[o].  `bias` may be null.
void FoldAfter(const WeightExtents& e, int64_t begin, int64_t end, const float* weight, const float* bias,
               const double* scale, const double* shift, float* new_weight, float* new_bias);

// conv(scale*x + shift):  W'[o][i] = W[o][i]*scale[i],  b'[o] = b[o] + sum over i, taps: W[o][i]*shift[i].
// Exact where the convolution pads channel i with -shift/scale, or does not pad.
void FoldBefore(const WeightExtents& e, int64_t begin, int64_t end, const float* weight, const float* bias,
                const double* scale, const double* shift, float* new_weight, float* new_bias);

// Batch normalisation in inference is the affine map scale = gamma/sqrt(variance + epsilon), shift = beta - mean*scale.
void BatchNormToAffine(int64_t channels, const float* gamma, const float* beta, const float* mean,
                       const float* variance, double epsilon, double* scale, double* shift);

}  // namespace lanewise
