// The sampling half of a deformable convolution: a column of input elements per output pixel, each read where its
// offset points to. A matrix product with the weights follows as a step of its own.
//
//   x [N, C, H, W], offsets [N, 2*G*taps, OH, OW], mask [N, G*taps, OH, OW]  ->  [N, C*taps, OH*OW]
#include <algorithm>
#include <cmath>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

// Bilinear, with zeros around the image.
float PixelAt(const float* plane, int64_t height, int64_t width, float y, float x) {
  if (!(y > -1 && x > -1 && y < static_cast<float>(height) && x < static_cast<float>(width))) return 0;
  const int64_t top = static_cast<int64_t>(std::floor(y)), left = static_cast<int64_t>(std::floor(x));
  const float dy = y - static_cast<float>(top), dx = x - static_cast<float>(left);
  const auto at = [&](int64_t i, int64_t j) {
    return i < 0 || j < 0 || i >= height || j >= width ? 0.f : plane[i * width + j];
  };
  return (1 - dy) * ((1 - dx) * at(top, left) + dx * at(top, left + 1)) +
         dy * ((1 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1));
}

}  // namespace

Status Build(const DeformColumnsSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& x = builder.shape(step.inputs[0]);
  const Shape& offsets = builder.shape(step.inputs[1]);
  const bool masked = step.inputs.size() > 2;
  const int64_t taps = spec.kernel.h * spec.kernel.w;
  const bool ranks = x.size() == 4 && offsets.size() == 4 && spec.groups > 0 && x[1] % spec.groups == 0;
  if (!ranks || offsets[0] != x[0] || offsets[1] != 2 * spec.groups * taps)
    return Status::Invalid(builder.Where() + ": two offsets per tap and group of channels are needed");
  const int64_t channels = x[1], height = x[2], width = x[3], rows = offsets[2], cols = offsets[3];
  if (masked && builder.shape(step.inputs[2]) != Shape{x[0], spec.groups * taps, rows, cols})
    return Status::Invalid(builder.Where() + ": one mask value per tap and group of channels is needed");
  if (builder.shape(step.outputs[0]) != Shape{x[0], channels * taps, rows * cols})
    return Status::Invalid(builder.Where() + ": the columns have another shape");
  const int64_t pixels = rows * cols, share = channels / spec.groups;
  const auto work = [=](const PlainRun& run, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {  // one tap of one channel
      const int64_t tap = row % taps, c = row / taps % channels, n = row / taps / channels;
      const int64_t place = (n * spec.groups + c / share) * taps + tap;
      const float* down = run.x(1) + 2 * place * pixels;
      const float* across = down + pixels;
      const float* plane = run.x() + (n * channels + c) * height * width;
      float* y = run.y() + row * pixels;
      for (int64_t i = 0; i < pixels; ++i) {
        const int64_t top = i / cols * spec.strides.h - spec.top + tap / spec.kernel.w * spec.dilations.h;
        const int64_t left = i % cols * spec.strides.w - spec.left + tap % spec.kernel.w * spec.dilations.w;
        y[i] = PixelAt(plane, height, width, static_cast<float>(top) + down[i], static_cast<float>(left) + across[i]);
      }
      if (!masked) continue;
      const float* mask = run.x(2) + place * pixels;
      for (int64_t i = 0; i < pixels; ++i) y[i] *= mask[i];
    }
  };
  const int64_t count = x[0] * channels * taps;
  return AddPlain(step, {pixels == 0 ? 0 : count, pixels * 8, count * pixels * 4, "offsets"}, work, builder);
}

}  // namespace lanewise
