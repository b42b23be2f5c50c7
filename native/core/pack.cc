#include "core/pack.h"

#include <algorithm>

namespace lanewise {

namespace {

// Elements that a part reads: with what it writes they stay in the second cache, where reading a file leaves them.
constexpr size_t kPartSize = size_t{1} << 16;

}  // namespace

Packer PackBySegments(std::vector<Segment> segments, int64_t row, SegmentPack pack) {
  std::vector<Packer::Part> parts;
  std::vector<size_t> begins;  // the first segment of each part, and the end
  for (size_t i = 0; i < segments.size(); ++i) {
    const auto size = static_cast<size_t>(segments[i].count * row);
    if (parts.empty() || parts.back().count + size > kPartSize) {
      parts.push_back({static_cast<size_t>(segments[i].channel * row), 0});
      begins.push_back(i);
    }
    parts.back().count += size;
  }
  begins.push_back(segments.size());
  return {std::move(parts), [segments = std::move(segments), begins = std::move(begins), row, pack = std::move(pack)](
                                size_t part, const float* elements, float* packed) {
            for (size_t i = begins[part]; i < begins[part + 1]; ++i) {
              const int64_t channel = segments[i].channel - segments[begins[part]].channel;
              pack(segments[i], elements + channel * row, packed + segments[i].weights);
            }
          }};
}

Packer PackFilters(std::vector<Segment> segments, const FilterShape& shape, int lanes, TransposeKernel transpose) {
  const int64_t inputs = shape.inputs, kh = shape.kh, kw = shape.kw;
  const bool columns_inside = shape.columns_inside;
  const int64_t row = shape.size();
  // What lies side by side in a filter and equally far apart in the packed weights is moved at once.
  if (kh * kw == 1) {
    return PackBySegments(std::move(segments), row, [=](const Segment& s, const float* rows, float* packed) {
      transpose(rows, row, packed, s.vectors * lanes, static_cast<size_t>(s.count), static_cast<size_t>(row));
    });
  }
  const int64_t taps = columns_inside ? kw : kh * kw;  // moved at once
  const int64_t groups = taps == 0 ? 0 : row / taps;
  const int64_t tap_step = columns_inside ? 1 : inputs;
  return PackBySegments(std::move(segments), row, [=](const Segment& s, const float* rows, float* packed) {
    const int64_t width = s.vectors * lanes;
    for (int64_t i = 0; i < groups; ++i) {
      // [input][ky] when columns are inside, else [input].
      const int64_t element = columns_inside ? (i % kh * inputs + i / kh) * kw : i;
      transpose(rows + i * taps, row, packed + element * width, tap_step * width, static_cast<size_t>(s.count),
                static_cast<size_t>(taps));
    }
  });
}

Packer PackOrdered(std::vector<Segment> segments, std::vector<int64_t> order, int lanes, TransposeKernel transpose) {
  const auto row = static_cast<int64_t>(order.size());
  return PackBySegments(
      std::move(segments), row, [=, order = std::move(order)](const Segment& s, const float* rows, float* packed) {
        const int64_t width = s.vectors * lanes;
        std::vector<float> inputs(static_cast<size_t>(row * width));
        transpose(rows, row, inputs.data(), width, static_cast<size_t>(s.count), static_cast<size_t>(row));
        for (const int64_t input : order) {
          std::copy_n(inputs.data() + input * width, width, packed);
          packed += width;
        }
      });
}

Packer PackMatrices(std::vector<Segment> segments, int64_t count, int64_t depth, int64_t channels, int lanes,
                    size_t matrix_size) {
  std::vector<Packer::Part> parts;
  const int64_t most = std::max<int64_t>(1, static_cast<int64_t>(kPartSize) / std::max<int64_t>(1, channels));
  for (int64_t first = 0; first < count * depth; first += most) {
    const int64_t rows = std::min(most, count * depth - first);
    parts.push_back({static_cast<size_t>(first * channels), static_cast<size_t>(rows * channels)});
  }
  return {std::move(parts), [=, segments = std::move(segments)](size_t part, const float* elements, float* packed) {
            const int64_t first = static_cast<int64_t>(part) * most, end = std::min(first + most, count * depth);
            for (int64_t r = first; r < end; ++r, elements += channels) {
              float* matrix = packed + static_cast<size_t>(r / depth) * matrix_size;
              for (const Segment& s : segments) {
                std::copy_n(elements + s.channel, s.count,
                            matrix + s.weights + static_cast<size_t>(r % depth * s.vectors * lanes));
              }
            }
          }};
}

Packer PackBias(std::vector<Segment> segments) {
  return Packer([segments = std::move(segments)](const float* bias, float* packed) {
    for (const Segment& s : segments) std::copy_n(bias + s.channel, s.count, packed + s.bias);
  });
}

SegmentPlan CutSegments(int64_t channels, int64_t groups, int64_t inputs_per_group, int64_t depth, int vectors,
                        int lanes, bool padded_output) {
  SegmentPlan plan;
  const int64_t group_size = channels / groups;
  for (int64_t g = 0; g < groups; ++g) {
    int64_t channel = g * group_size;
    const int64_t end = channel + group_size;
    while (channel < end) {
      Segment s;
      s.channel = channel;
      s.input_channel = g * inputs_per_group;
      const int64_t lane = channel % lanes;
      // A part of a block ends with it; from a block boundary on, whole vectors go together.
      s.count = lane != 0 ? std::min(end - channel, lanes - lane)
                          : std::min<int64_t>(end - channel, static_cast<int64_t>(vectors) * lanes);
      s.vectors = static_cast<int>((s.count + lanes - 1) / lanes);
      s.last_lanes = static_cast<int>(s.count - static_cast<int64_t>(s.vectors - 1) * lanes);
      if (padded_output && end == channels && channel + s.count == end && lane == 0) s.last_lanes = lanes;
      s.weights = plan.weights_size;
      s.bias = plan.bias_size;
      plan.weights_size += static_cast<size_t>(depth) * static_cast<size_t>(s.vectors * lanes);
      plan.bias_size += static_cast<size_t>(s.vectors * lanes);
      plan.segments.push_back(s);
      channel += s.count;
    }
  }
  return plan;
}

}  // namespace lanewise
