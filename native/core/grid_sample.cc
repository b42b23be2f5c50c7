// GridSample: the image at positions that the other input gives, over two or three spatial axes.
#include <algorithm>
#include <cmath>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

constexpr size_t kMaxAxes = 3;
constexpr size_t kMaxTaps = 4 * 4 * 4;
constexpr int64_t kPositions = 32;  // whose taps are found before all channels use them
// Beyond this no image reaches, and a conversion to an integer is still defined.
constexpr float kFar = 1e9f;

struct Image {
  GridSampleSpec spec;
  size_t axes = 2;
  int64_t extents[kMaxAxes] = {1, 1, 1};
  int64_t strides[kMaxAxes] = {1, 1, 1};
};

// The taps of one axis: -1 stands for a zero outside the image.
struct AxisTaps {
  int64_t index[4];
  float weight[4];
  int count = 1;
};

float Reflect(float v, float low, float high) {
  const float range = high - low;
  if (!(range > 0)) return low;
  if (v >= low && v <= high) return v;
  const float over = v < low ? low - v : v - high;
  const float turns = std::floor(over / range);
  const float rest = over - turns * range;
  const bool from_low = (v < low) == (std::fmod(turns, 2.f) == 0);
  return from_low ? low + rest : high - rest;
}

int64_t PixelAt(const GridSampleSpec& spec, int64_t i, int64_t extent, float low, float high) {
  if (i >= 0 && i < extent) return i;
  if (spec.padding == GridPadding::kZeros) return -1;
  if (spec.padding == GridPadding::kReflection) i = static_cast<int64_t>(Reflect(static_cast<float>(i), low, high));
  return std::min(std::max<int64_t>(i, 0), extent - 1);
}

// Keys' cubic convolution with a = -0.75.
void CubicWeights(float t, float* weights) {
  constexpr float a = -0.75f;
  const float u = 1 - t;
  weights[0] = ((a * (t + 1) - 5 * a) * (t + 1) + 8 * a) * (t + 1) - 4 * a;
  weights[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
  weights[2] = ((a + 2) * u - (a + 3)) * u * u + 1;
  weights[3] = ((a * (u + 1) - 5 * a) * (u + 1) + 8 * a) * (u + 1) - 4 * a;
}

AxisTaps TapsOf(const Image& image, size_t axis, float normalized) {
  const GridSampleSpec& spec = image.spec;
  const int64_t extent = image.extents[axis];
  const float length = static_cast<float>(extent);
  const float low = spec.align_corners ? 0.f : -0.5f, high = spec.align_corners ? length - 1 : length - 0.5f;
  float v = spec.align_corners ? (normalized + 1) / 2 * (length - 1) : ((normalized + 1) * length - 1) / 2;
  v = v > -kFar ? std::min(v, kFar) : -kFar;  // NaN lies outside
  // Volumes round halves away from zero, images to even, as the frameworks do.
  if (spec.mode == GridMode::kNearest) v = image.axes == 3 ? std::round(v) : std::nearbyint(v);
  // A cubic kernel reaches over the border from beyond it, so only its pixels are moved inside.
  if (spec.mode != GridMode::kCubic && (v < low || v > high)) {
    if (spec.padding == GridPadding::kBorder) v = std::min(std::max(v, 0.f), length - 1);
    if (spec.padding == GridPadding::kReflection) v = Reflect(v, low, high);
  }
  AxisTaps taps;
  const float base = std::floor(v);
  int64_t first = static_cast<int64_t>(base);
  if (spec.mode == GridMode::kNearest) {
    taps.weight[0] = 1;
    first = static_cast<int64_t>(v);
  } else if (spec.mode == GridMode::kLinear) {
    taps.count = 2;
    taps.weight[0] = 1 - (v - base);
    taps.weight[1] = v - base;
  } else {
    taps.count = 4;
    CubicWeights(v - base, taps.weight);
    first -= 1;
  }
  for (int i = 0; i < taps.count; ++i) taps.index[i] = PixelAt(spec, first + i, extent, low, high);
  return taps;
}

// Offsets into a plane with their weights; taps outside the image are left out.
struct Taps {
  int64_t offset[kMaxTaps];
  float weight[kMaxTaps];
  int count = 0;
};

void Combine(const Image& image, const AxisTaps* axes, size_t axis, int64_t offset, float weight, Taps* taps) {
  if (axis == image.axes) {
    taps->offset[taps->count] = offset;
    taps->weight[taps->count++] = weight;
    return;
  }
  for (int i = 0; i < axes[axis].count; ++i) {
    if (axes[axis].index[i] < 0) continue;
    Combine(image, axes, axis + 1, offset + axes[axis].index[i] * image.strides[axis], weight * axes[axis].weight[i],
            taps);
  }
}

}  // namespace

Status Build(const GridSampleSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& x = builder.shape(step.inputs[0]);
  const Shape& grid = builder.shape(step.inputs[1]);
  const Shape& y = builder.shape(step.outputs[0]);
  Image image;
  image.spec = spec;
  image.axes = x.size() < 2 ? 0 : x.size() - 2;
  bool fits = (image.axes == 2 || image.axes == 3) && grid.size() == x.size() && y.size() == x.size();
  fits =
      fits && grid.front() == x[0] && y[0] == x[0] && y[1] == x[1] && grid.back() == static_cast<int64_t>(image.axes);
  for (size_t i = 0; fits && i < image.axes; ++i) fits = grid[i + 1] == y[i + 2];
  if (!fits) return Status::Invalid(builder.Where() + ": the grid does not fit the image");
  int64_t plane = 1, outputs = 1;
  for (size_t i = image.axes; i-- > 0;) {
    image.extents[i] = x[i + 2];
    image.strides[i] = plane;
    plane *= x[i + 2];
    outputs *= y[i + 2];
  }
  if (plane == 0 && outputs > 0) return Status::Invalid(builder.Where() + ": an empty image cannot be sampled");
  const int64_t channels = x[1], strips = (outputs + kPositions - 1) / kPositions;
  const auto work = [=](const PlainRun& run, int64_t begin, int64_t end) {
    Taps taps[kPositions];
    for (int64_t row = begin; row < end; ++row) {
      const int64_t n = row / strips, first = row % strips * kPositions;
      const int64_t count = std::min(kPositions, outputs - first);
      for (int64_t i = 0; i < count; ++i) {
        const float* position = run.x(1) + (n * outputs + first + i) * static_cast<int64_t>(image.axes);
        AxisTaps axes[kMaxAxes];
        // The grid names the last axis first.
        for (size_t a = 0; a < image.axes; ++a) axes[a] = TapsOf(image, a, position[image.axes - 1 - a]);
        taps[i].count = 0;
        Combine(image, axes, 0, 0, 1, &taps[i]);
      }
      for (int64_t c = 0; c < channels; ++c) {
        const float* in = run.x() + (n * channels + c) * plane;
        float* out = run.y() + (n * channels + c) * outputs + first;
        for (int64_t i = 0; i < count; ++i) {
          float sum = 0;
          for (int t = 0; t < taps[i].count; ++t) sum += taps[i].weight[t] * in[taps[i].offset[t]];
          out[i] = sum;
        }
      }
    }
  };
  const int64_t side = spec.mode == GridMode::kNearest ? 1 : spec.mode == GridMode::kLinear ? 2 : 4;
  const int64_t taps = image.axes == 2 ? side * side : side * side * side;
  return AddPlain(step, {x[0] * strips, kPositions * taps * (channels + 8), ElementCount(y) * taps, "grid"}, work,
                  builder);
}

}  // namespace lanewise
