#include "core/fold.h"

#include <cmath>

namespace lanewise {
namespace {

// Index of tap 0 of the weight between output `o` and the `i`-th input of its group.
int64_t At(const WeightExtents& e, int64_t o, int64_t i) {
  const int64_t group_outputs = e.outputs / e.groups, group_inputs = e.inputs / e.groups;
  if (e.output_first) return (o * group_inputs + i) * e.taps;
  const int64_t group = o / group_outputs;
  return ((group * group_inputs + i) * group_outputs + o % group_outputs) * e.taps;
}

}  // namespace

void FoldAfter(const WeightExtents& e, int64_t begin, int64_t end, const float* weight, const float* bias,
               const double* scale, const double* shift, float* new_weight, float* new_bias) {
  for (int64_t o = begin; o < end; ++o) {
    for (int64_t i = 0; i < e.inputs / e.groups; ++i) {
      const int64_t at = At(e, o, i);
      for (int64_t t = 0; t < e.taps; ++t) new_weight[at + t] = static_cast<float>(scale[o] * weight[at + t]);
    }
    new_bias[o] = static_cast<float>(scale[o] * (bias == nullptr ? 0. : bias[o]) + shift[o]);
  }
}

void FoldBefore(const WeightExtents& e, int64_t begin, int64_t end, const float* weight, const float* bias,
                const double* scale, const double* shift, float* new_weight, float* new_bias) {
  const int64_t group_inputs = e.inputs / e.groups, group_outputs = e.outputs / e.groups;
  for (int64_t o = begin; o < end; ++o) {
    double sum = bias == nullptr ? 0. : bias[o];
    for (int64_t i = 0; i < group_inputs; ++i) {
      const int64_t at = At(e, o, i), channel = o / group_outputs * group_inputs + i;
      for (int64_t t = 0; t < e.taps; ++t) {
        sum += weight[at + t] * shift[channel];
        new_weight[at + t] = static_cast<float>(weight[at + t] * scale[channel]);
      }
    }
    new_bias[o] = static_cast<float>(sum);
  }
}

void BatchNormToAffine(int64_t channels, const float* gamma, const float* beta, const float* mean,
                       const float* variance, double epsilon, double* scale, double* shift) {
  for (int64_t c = 0; c < channels; ++c) {
    const double s = gamma[c] / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    scale[c] = s;
    shift[c] = beta[c] - mean[c] * s;
  }
}

}  // namespace lanewise
