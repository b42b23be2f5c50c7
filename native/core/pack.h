// Weights in the order in which the microkernels read them. Every function writes into zeroed memory, so that lanes
// past the last channel stay zero.
#pragma once
#include <vector>

#include "core/tile_step.h"

namespace lanewise {

// One element of a packed weight: where input channel/tap (in the order of the segment's runs) and output channel meet.
// Fills, for each segment, [run element][vectors*lanes]; `source(o, e)` gives the index of the weight of output channel
// `o` and run element `e` (counted through the segment's runs).
template <typename Source>
void PackTiles(const std::vector<Segment>& segments, const std::vector<Run>& runs, int lanes, const float* weights,
               Source source, float* packed) {
  for (const Segment& s : segments) {
    float* out = packed + s.weights;
    int64_t element = 0;
    for (size_t r = 0; r < s.run_count; ++r) {
      for (size_t k = 0; k < runs[s.first_run + r].count; ++k, ++element) {
        for (int64_t o = 0; o < s.count; ++o) out[o] = weights[source(s.channel + o, element)];
        out += s.vectors * lanes;
      }
    }
  }
}

// The bias of each segment, padded to its vectors; `bias` null packs zeros.
void PackBias(const std::vector<Segment>& segments, const float* bias, float* packed);

// Cuts `channels` output channels into segments of at most `vectors` vectors, group by group. A group that is no
// multiple of the vector is cut at block boundaries into parts; with one group the last block's padding belongs to it
// alone. Offsets into packed weights (`depth` run elements per segment) and bias are assigned; returns the packed
// sizes.
struct SegmentPlan {
  std::vector<Segment> segments;
  size_t weights_size = 0, bias_size = 0;
};
SegmentPlan CutSegments(int64_t channels, int64_t groups, int64_t inputs_per_group, int64_t depth, int vectors,
                        int lanes, bool padded_output);

}  // namespace lanewise
