// Pooling of regions of interest: RoiAlign and MaxRoiPool. A row is one output row of one region, for all channels.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

// A region whose bins would need more samples than this along an axis gets this many.
constexpr int64_t kMaxSamples = 1024;

struct Sample {
  int64_t offset[4];
  float weight[4];
};

// The four pixels around a position with their bilinear weights; all zero outside of the image.
Sample SampleAt(float y, float x, int64_t height, int64_t width) {
  Sample s{{0, 0, 0, 0}, {0, 0, 0, 0}};
  const float h = static_cast<float>(height), w = static_cast<float>(width);
  if (!(y >= -1 && y <= h && x >= -1 && x <= w)) return s;
  y = std::max(y, 0.f);
  x = std::max(x, 0.f);
  const int64_t top = std::min(static_cast<int64_t>(y), height - 1),
                left = std::min(static_cast<int64_t>(x), width - 1);
  const int64_t bottom = std::min(top + 1, height - 1), right = std::min(left + 1, width - 1);
  const float dy = top == height - 1 ? 0.f : y - static_cast<float>(top);
  const float dx = left == width - 1 ? 0.f : x - static_cast<float>(left);
  const int64_t offsets[4] = {top * width + left, top * width + right, bottom * width + left, bottom * width + right};
  const float weights[4] = {(1 - dy) * (1 - dx), (1 - dy) * dx, dy * (1 - dx), dy * dx};
  std::copy_n(offsets, 4, s.offset);
  std::copy_n(weights, 4, s.weight);
  return s;
}

int64_t SamplesOf(int64_t wanted, float extent, int64_t bins) {
  if (wanted > 0) return std::min(wanted, kMaxSamples);
  const float samples = std::ceil(extent / static_cast<float>(bins));
  return samples > 0 ? static_cast<int64_t>(std::min(samples, static_cast<float>(kMaxSamples))) : 0;
}

// An image number computed at run time; -1 where there is no such image.
int64_t ImageOf(float number, int64_t images) {
  return number >= 0 && number < static_cast<float>(images) ? static_cast<int64_t>(number) : -1;
}

// floor(i * size) and ceil((i+1) * size) inside [0, extent], shifted by where the region begins.
int64_t BinEdge(float edge, int64_t start, int64_t extent) {
  const float at = edge + static_cast<float>(start);
  if (!(at > 0)) return 0;
  return at < static_cast<float>(extent) ? static_cast<int64_t>(at) : extent;
}

int64_t RoundedEdge(float coordinate) {
  constexpr float kFar = 1e9f;
  const float rounded = std::round(coordinate);
  return rounded > -kFar ? static_cast<int64_t>(std::min(rounded, kFar)) : static_cast<int64_t>(-kFar);
}

}  // namespace

Status Build(const RoiAlignSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& x = builder.shape(step.inputs[0]);
  const Shape& y = builder.shape(step.outputs[0]);
  const Shape& rois = builder.shape(step.inputs[1]);
  if (x.size() != 4 || y.size() != 4 || rois != Shape{y[0], 4} || builder.shape(step.inputs[2]) != Shape{y[0]} ||
      x[1] != y[1])
    return Status::Invalid(builder.Where() + ": regions are [count, 4] with one image number each");
  const int64_t images = x[0], channels = x[1], height = x[2], width = x[3], rows = y[2], cols = y[3];
  if (height == 0 || width == 0) return Status::Invalid(builder.Where() + ": an empty image cannot be sampled");
  const auto work = [=](const PlainRun& run, int64_t begin, int64_t end) {
    std::vector<Sample> samples;
    for (int64_t row = begin; row < end; ++row) {
      const int64_t region = row / rows, bin_row = row % rows;
      const float* roi = run.x(1) + region * 4;
      const int64_t image = ImageOf(run.x(2)[region], images);
      const float shift = spec.half_pixel ? 0.5f : 0.f;
      const float left = roi[0] * spec.scale - shift, top = roi[1] * spec.scale - shift;
      float region_width = roi[2] * spec.scale - shift - left, region_height = roi[3] * spec.scale - shift - top;
      if (!spec.half_pixel) {
        region_width = std::max(region_width, 1.f);
        region_height = std::max(region_height, 1.f);
      }
      const float bin_height = region_height / static_cast<float>(rows);
      const float bin_width = region_width / static_cast<float>(cols);
      const int64_t grid_rows = SamplesOf(spec.samples, region_height, rows);
      const int64_t grid_cols = SamplesOf(spec.samples, region_width, cols);
      const auto position = [](float first, float bin, int64_t i, int64_t sample, int64_t count) {
        return first + static_cast<float>(i) * bin +
               (static_cast<float>(sample) + 0.5f) * bin / static_cast<float>(count);
      };
      for (int64_t bin_col = 0; bin_col < cols; ++bin_col) {
        samples.clear();
        for (int64_t i = 0; i < grid_rows; ++i)
          for (int64_t j = 0; j < grid_cols; ++j)
            samples.push_back(SampleAt(position(top, bin_height, bin_row, i, grid_rows),
                                       position(left, bin_width, bin_col, j, grid_cols), height, width));
        const float share = 1 / static_cast<float>(std::max<size_t>(1, samples.size()));
        for (int64_t c = 0; c < channels; ++c) {
          const float* plane = run.x() + (std::max<int64_t>(image, 0) * channels + c) * height * width;
          float result = 0;
          bool any = false;
          for (const Sample& s : samples) {
            float value = 0;
            if (!spec.max) {
              for (int t = 0; t < 4; ++t) value += s.weight[t] * plane[s.offset[t]];
              result += value;
              continue;
            }
            // The standard's maximum is of the weighted pixels, not of their sum.
            value = s.weight[0] * plane[s.offset[0]];
            for (int t = 1; t < 4; ++t) value = std::max(value, s.weight[t] * plane[s.offset[t]]);
            result = any ? std::max(result, value) : value;
            any = true;
          }
          const float bin = spec.max ? result : result * share;
          run.y()[((region * channels + c) * rows + bin_row) * cols + bin_col] = image < 0 ? 0 : bin;
        }
      }
    }
  };
  const int64_t guess = spec.samples > 0 ? std::min(spec.samples * spec.samples, kMaxSamples) : 4;
  return AddPlain(step, {y[0] * rows, cols * channels * guess * 4, ElementCount(y) * guess * 4, "regions"}, work,
                  builder);
}

Status Build(const MaxRoiPoolSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& x = builder.shape(step.inputs[0]);
  const Shape& y = builder.shape(step.outputs[0]);
  if (x.size() != 4 || y.size() != 4 || builder.shape(step.inputs[1]) != Shape{y[0], 5} || x[1] != y[1])
    return Status::Invalid(builder.Where() + ": regions are [count, 5]");
  const int64_t images = x[0], channels = x[1], height = x[2], width = x[3], rows = y[2], cols = y[3];
  const auto work = [=](const PlainRun& run, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t region = row / rows, bin_row = row % rows;
      const float* roi = run.x(1) + region * 5;
      const int64_t image = ImageOf(roi[0], images);
      const int64_t left = RoundedEdge(roi[1] * spec.scale), top = RoundedEdge(roi[2] * spec.scale);
      const int64_t right = RoundedEdge(roi[3] * spec.scale), bottom = RoundedEdge(roi[4] * spec.scale);
      const float bin_height = static_cast<float>(std::max<int64_t>(bottom - top + 1, 1)) / static_cast<float>(rows);
      const float bin_width = static_cast<float>(std::max<int64_t>(right - left + 1, 1)) / static_cast<float>(cols);
      const int64_t first_row = BinEdge(std::floor(static_cast<float>(bin_row) * bin_height), top, height);
      const int64_t last_row = BinEdge(std::ceil(static_cast<float>(bin_row + 1) * bin_height), top, height);
      for (int64_t bin_col = 0; bin_col < cols; ++bin_col) {
        const int64_t first_col = BinEdge(std::floor(static_cast<float>(bin_col) * bin_width), left, width);
        const int64_t last_col = BinEdge(std::ceil(static_cast<float>(bin_col + 1) * bin_width), left, width);
        const bool empty = image < 0 || first_row >= last_row || first_col >= last_col;
        for (int64_t c = 0; c < channels; ++c) {
          float best = empty ? 0 : -std::numeric_limits<float>::infinity();
          const float* plane = run.x() + (std::max<int64_t>(image, 0) * channels + c) * height * width;
          for (int64_t i = first_row; !empty && i < last_row; ++i)
            for (int64_t j = first_col; j < last_col; ++j) best = std::max(best, plane[i * width + j]);
          run.y()[((region * channels + c) * rows + bin_row) * cols + bin_col] = best;
        }
      }
    }
  };
  const int64_t cost = channels * std::max<int64_t>(cols, height * width / std::max<int64_t>(1, rows));
  return AddPlain(step, {y[0] * rows, cost, 0, "regions"}, work, builder);
}

}  // namespace lanewise
