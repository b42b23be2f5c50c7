#include "core/pack.h"

#include <algorithm>

namespace lanewise {

void PackBias(const std::vector<Segment>& segments, const float* bias, float* packed) {
  if (bias == nullptr) return;
  for (const Segment& s : segments) std::copy_n(bias + s.channel, s.count, packed + s.bias);
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
