#include "core/pixels.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lanewise {
namespace {

// The taps of each output position along one axis: `count` weights from `first` on.
struct Taps {
  struct Run {
    int64_t first, count, offset;
  };
  std::vector<Run> runs;
  std::vector<float> weights;
  int64_t most = 0;
};

// For positions [begin, end) of `scaled` made from `extent` elements.
Taps MakeTaps(int64_t extent, int64_t scaled, int64_t begin, int64_t end) {
  Taps taps;
  taps.runs.reserve(static_cast<size_t>(end - begin));
  const double step = static_cast<double>(extent) / static_cast<double>(scaled), reach = std::max(1., step);
  std::vector<double> weights;
  for (int64_t i = begin; i < end; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - reach)));
    const int64_t last = std::min(extent, static_cast<int64_t>(std::ceil(centre + reach)));
    weights.clear();
    double sum = 0;
    for (int64_t j = first; j < last; ++j) {
      const double weight = std::max(0., 1 - std::abs(static_cast<double>(j) + 0.5 - centre) / reach);
      if (weight == 0 && weights.empty()) {
        ++first;
        continue;
      }
      weights.push_back(weight);
      sum += weight;
    }
    while (!weights.empty() && weights.back() == 0) weights.pop_back();
    const auto count = static_cast<int64_t>(weights.size());
    taps.runs.push_back({first, count, static_cast<int64_t>(taps.weights.size())});
    taps.most = std::max(taps.most, count);
    for (const double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
  }
  return taps;
}

// One row of the picture, resampled along its width into one plane per channel of the result.
void ResampleRow(const PixelsSpec& s, const Taps& taps, const uint8_t* row, int64_t columns, float* planes) {
  for (int64_t c = 0; c < s.out_channels; ++c) {
    const uint8_t* bytes = row + s.order[c];
    float* plane = planes + c * columns;
    for (int64_t x = 0; x < columns; ++x) {
      const Taps::Run& run = taps.runs[static_cast<size_t>(x)];
      const float* weights = taps.weights.data() + run.offset;
      const uint8_t* from = bytes + run.first * s.channels;
      float sum = 0;
      for (int64_t k = 0; k < run.count; ++k) sum += weights[k] * static_cast<float>(from[k * s.channels]);
      plane[x] = sum;
    }
  }
}

// `count` elements of one channel of one row of the result, `step` apart.
void Store(const float* from, float scale, float shift, int64_t count, int64_t step, float* out) {
  if (step == 1) {
    for (int64_t x = 0; x < count; ++x) out[x] = from[x] * scale + shift;
    return;
  }
  for (int64_t x = 0; x < count; ++x) out[x * step] = from[x] * scale + shift;
}

void Fill(float value, int64_t count, int64_t step, float* out) {
  for (int64_t x = 0; x < count; ++x) out[x * step] = value;
}

Status Convert(const PixelsSpec& s, const uint8_t* pixels, float* out) {
  // The part of the window that shows the picture.
  const int64_t x0 = std::clamp<int64_t>(-s.left, 0, s.out_width);
  const int64_t x1 = std::clamp<int64_t>(s.scaled_width - s.left, x0, s.out_width);
  const int64_t y0 = std::clamp<int64_t>(-s.top, 0, s.out_height);
  const int64_t y1 = std::clamp<int64_t>(s.scaled_height - s.top, y0, s.out_height);
  const int64_t columns = x1 - x0;
  const Taps across = MakeTaps(s.width, s.scaled_width, x0 + s.left, x1 + s.left);
  const Taps down = MakeTaps(s.height, s.scaled_height, y0 + s.top, y1 + s.top);

  // Resampled rows are kept while outputs below them need them: as many as one output needs at once.
  const int64_t kept = std::max<int64_t>(1, down.most), row_size = columns * s.out_channels;
  std::vector<float> rows(static_cast<size_t>(kept * row_size)), sum(static_cast<size_t>(columns));
  int64_t made = 0;  // rows above are resampled already, or not needed

  const int64_t step = s.channels_last ? s.out_channels : 1;
  const int64_t row_step = s.out_width * step, plane_step = s.channels_last ? 1 : s.out_width * s.out_height;
  for (int64_t y = 0; y < s.out_height; ++y) {
    float* line = out + y * row_step;
    const bool inside = y >= y0 && y < y1;
    const Taps::Run run = inside ? down.runs[static_cast<size_t>(y - y0)] : Taps::Run{0, 0, 0};
    for (made = std::max(made, run.first); made < run.first + run.count; ++made) {
      ResampleRow(s, across, pixels + made * s.width * s.channels, columns, rows.data() + made % kept * row_size);
    }
    for (int64_t c = 0; c < s.out_channels; ++c) {
      float* to = line + c * plane_step;
      const float outside = s.fill * s.scale[c] + s.shift[c];
      if (!inside) {
        Fill(outside, s.out_width, step, to);
        continue;
      }
      Fill(outside, x0, step, to);
      Fill(outside, s.out_width - x1, step, to + x1 * step);
      std::fill(sum.begin(), sum.end(), 0.F);
      for (int64_t k = 0; k < run.count; ++k) {
        const float weight = down.weights[static_cast<size_t>(run.offset + k)];
        const float* row = rows.data() + (run.first + k) % kept * row_size + c * columns;
        for (int64_t x = 0; x < columns; ++x) sum[static_cast<size_t>(x)] += weight * row[x];
      }
      Store(sum.data(), s.scale[c], s.shift[c], columns, step, to + x0 * step);
    }
  }
  return Status::Ok();
}

}  // namespace

Status ConvertPixels(const PixelsSpec& spec, const uint8_t* pixels, float* out) {
  return ReportOutOfMemory([&] { return Convert(spec, pixels, out); });
}

}  // namespace lanewise
