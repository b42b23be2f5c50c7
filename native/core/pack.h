// Weights in the order in which the microkernels read them. Every function writes into zeroed memory, so that lanes
// past the last channel stay zero.
#pragma once
#include <functional>
#include <vector>

#include "core/packing.h"
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

// Packs a constant [channels][row], whose segments are consecutive rows, in parts of whole segments. `pack` gets the
// rows of one segment and where its packed weights begin.
using SegmentPack = std::function<void(const Segment&, const float* rows, float* packed)>;
Packer PackBySegments(std::vector<Segment> segments, int64_t row, SegmentPack pack);

// The filters of a convolution: rows [input][ky][kx] become [run element][vectors*lanes], where run elements are in the
// order (ky, kx, input), or (ky, input, kx) with `columns_inside`.
struct FilterShape {
  int64_t inputs, kh, kw;
  bool columns_inside;
  int64_t size() const { return inputs * kh * kw; }
};
Packer PackFilters(std::vector<Segment> segments, const FilterShape& shape, int lanes, TransposeKernel transpose);

// Those of a 1x1 convolution, with the input channels in this order.
Packer PackOrdered(std::vector<Segment> segments, std::vector<int64_t> order, int lanes, TransposeKernel transpose);

// The matrices [depth][channels] of a product, in parts of consecutive rows; `matrix_size` floats apart when packed.
Packer PackMatrices(std::vector<Segment> segments, int64_t count, int64_t depth, int64_t channels, int lanes,
                    size_t matrix_size);

// The bias of each segment, padded to its vectors.
Packer PackBias(std::vector<Segment> segments);

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
