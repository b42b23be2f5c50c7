// Local response normalisation across channels: y = x / (bias + alpha/size * sum of x^2 over nearby channels)^beta.
#include <algorithm>
#include <utility>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

constexpr int64_t kPixels = 1024;  // of a strip: its sums stay in the first cache

// sums[i] = 1 / sums[i]^beta, the roots that networks use without a logarithm.
void InversePower(const KernelTable& kernels, float beta, float* sums, float* spare, size_t n) {
  const UnaryRow root = kernels.unary[static_cast<int>(Unary::kSqrt)];
  if (beta == 0.75f || beta == 0.5f) {
    root(sums, sums, n, 0, 0);
    if (beta == 0.75f) {
      root(sums, spare, n, 0, 0);
      for (size_t i = 0; i < n; ++i) sums[i] *= spare[i];
    }
  } else if (beta != 1.f) {
    kernels.binary[binary_index(Binary::kPow, Spread::kScalarB)](sums, &beta, sums, n);
  }
  for (size_t i = 0; i < n; ++i) sums[i] = 1 / sums[i];
}

}  // namespace

Status Build(const LrnSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& shape = builder.shape(step.inputs[0]);
  if (shape.size() < 2 || shape != builder.shape(step.outputs[0]) || spec.size < 1)
    return Status::Invalid(builder.Where() + ": a tensor with a channel axis is needed");
  const AxisSplit split = SplitAt(shape, 1);
  const int64_t strips = (split.inner + kPixels - 1) / kPixels;
  const int64_t before = (spec.size - 1) / 2, after = spec.size - 1 - before;
  const KernelTable* kernels = &builder.kernels();
  const float factor = spec.alpha / static_cast<float>(spec.size);
  const auto work = [=](const PlainRun& run, int64_t begin, int64_t end) {
    float sums[kPixels], spare[kPixels];
    for (int64_t row = begin; row < end; ++row) {
      const int64_t strip = row % strips, c = row / strips % split.extent, n = row / strips / split.extent;
      const int64_t pixel = strip * kPixels, count = std::min(kPixels, split.inner - pixel);
      const float* image = run.x() + n * split.extent * split.inner + pixel;
      std::fill_n(sums, count, 0.f);
      for (int64_t near = std::max<int64_t>(0, c - before); near <= std::min(split.extent - 1, c + after); ++near) {
        const float* x = image + near * split.inner;
        for (int64_t i = 0; i < count; ++i) sums[i] += x[i] * x[i];
      }
      for (int64_t i = 0; i < count; ++i) sums[i] = spec.bias + factor * sums[i];
      InversePower(*kernels, spec.beta, sums, spare, static_cast<size_t>(count));
      const float* x = image + c * split.inner;
      float* y = run.y() + (n * split.extent + c) * split.inner + pixel;
      for (int64_t i = 0; i < count; ++i) y[i] = x[i] * sums[i];
    }
  };
  const int64_t taps = std::min(spec.size, split.extent);
  return AddPlain(step,
                  {split.outer * split.extent * strips, std::min(kPixels, split.inner) * (taps + 4),
                   ElementCount(shape) * taps, "channel windows"},
                  work, builder);
}

}  // namespace lanewise
