// The step behind every dense product: loops of the packed microkernel (kernels/shared/conv_tile.h) over images, strips
// of pixels, and segments of output channels. Convolutions, transposed convolutions and matrix products differ only in
// the numbers below.
#pragma once
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/builder.h"
#include "core/step.h"
#include "core/tensor.h"

namespace lanewise {

// Output channels that one kernel call computes: whole vectors from a block boundary, or a part of one block (a group
// that starts or ends inside it).
struct Segment {
  int64_t channel = 0;        // first output channel
  int64_t count = 0;          // channels
  int vectors = 1;            // NR
  int last_lanes = 0;         // stored lanes of the last vector: all of them where a block's padding may be overwritten
  int64_t input_channel = 0;  // first input channel of its group
  size_t weights = 0;         // offset into the packed weights, elements
  size_t bias = 0;            // offset into the packed bias
  size_t first_run = 0, run_count = 0;  // in TileGeometry::runs
};

// A tensor as the tile loops see it: rows of equidistant pixels.
struct PixelGrid {
  int tensor = kNone;
  ptrdiff_t origin = 0;  // added to the tensor's first element
  ptrdiff_t image_stride = 0, block_stride = 0, row_stride = 0, pixel_stride = 0;
};

struct TileGeometry {
  int64_t images = 1, rows = 1, cols = 1;  // output pixels
  int64_t y_cols = 0;                      // where rows were merged although those of y are apart: their pixels
  int lanes = 1;                           // of a vector and of an output block
  PixelGrid x;                             // row_stride, pixel_stride: from one output pixel's input to the next
  PixelGrid y;                             // block_stride: from one vector of channels to the next
  PixelGrid residual, gate;                // tensor kNone when absent
  std::vector<Run> runs;
  std::vector<Segment> segments;
  // Where input channels are in several tensors, equal to x in rows and pixels: the one of each run.
  struct RunSource {
    int tensor;
    ptrdiff_t image_stride;
  };
  std::vector<RunSource> run_sources;
  // Where images are not equidistant (a broadcast batch): their offsets, in place of x.image_stride. Weights are shared
  // by all images unless they have offsets of their own.
  std::vector<ptrdiff_t> x_image_offsets, weights_image_offsets;
  int threads = 1;             // that will share the work, for the choice of strips
  int64_t depth = 0;           // multiply-adds per output, for the choice of tiles
  int64_t x_row_elements = 0;  // input elements touched per output row, for the choice of strips
};

// How a row of `cols` pixels is cut: `tiles` tiles whose sizes differ by at most one.
struct TileChoice {
  int vectors = 1;
  int64_t tiles = 1;
  double cycles = 0;  // of a row, about
};

// The cheapest number of vectors per tile for `channels` contiguous output channels on rows of `cols` pixels.
// `at_once`: the tiles of a row follow each other, so that all but the first find weights in the first cache that fill
// no more than half of it. (True of other rows as well; for those the choices were better without it.)
TileChoice ChooseTile(const KernelTable& kernels, int64_t cols, int64_t channels, int64_t depth, bool at_once = false);

// Whether small tiles of AVX-512, too, ask for weights into the first cache. One of 48 KB holds them until they are
// used: Winograd layers at 7 and 14 px gained 4 to 13 % (Zen 5). One of 32 KB does not, and they lost 5 to 12 % (Zen
// 4).
bool PrefetchesNear();

// Runs that may have sources.
constexpr size_t kMaxScatteredRuns = 64;

class TileStep : public RowStep {
 public:
  // Weights and bias are packed constants, unless ReadWeightsFrom names a tensor that holds the packed weights.
  TileStep(const KernelTable& kernels, TileGeometry geometry, TileChoice choice, std::shared_ptr<Buffer> weights,
           std::shared_ptr<Buffer> bias, Epilogue epilogue, std::vector<std::shared_ptr<Buffer>> keep);
  void ReadWeightsFrom(PixelGrid weights) { weights_grid_ = weights; }

  size_t items() const override;
  void Run(const RunContext& context, size_t begin, size_t end) const override;
  // Where rows were not merged.
  void RunRows(const RunContext& context, int64_t image, int64_t begin, int64_t end) const override;
  WeightSpan weights() const override { return SpanOf(weights_); }
  void ReadAhead(const std::vector<WeightSpan>& spans) override;
  int64_t ReadsAhead() const override;

 private:
  // Floats [at, ...) of ahead_ as one row; null where it has none.
  const float* Ahead(int64_t at) const;
  // Those that are left for ahead_ while `tiles` tiles of a segment compute and ask for the next segment's weights.
  int64_t Spare(const Segment& segment, int64_t tiles) const;

  // Pixels of a merged row, from `tile` (pixel after pixel, vector after vector) to the rows of y.
  void Scatter(const float* tile, float* y, int64_t pixel, int64_t pixels, int vectors) const;
  // Tiles [begin, end) of an image, for the output channels of one segment.
  void RunTiles(const RunContext& context, int64_t image, const Segment& segment, int64_t begin, int64_t end) const;

  const KernelTable& kernels_;
  TileGeometry g_;
  TileChoice choice_;
  std::shared_ptr<Buffer> weights_, bias_;
  Epilogue epilogue_;  // pointers to channel 0 of the padded vectors
  std::vector<std::shared_ptr<Buffer>> keep_;
  PixelGrid weights_grid_;
  std::vector<WeightSpan> ahead_;
  int64_t ahead_size_ = 0;
  int64_t strip_tiles_;  // tiles per strip
  int64_t strips_;
};

// Resolves an EpilogueSpec for output channels [C]: per-channel constants are padded to whole blocks, residual and gate
// become grids over `y`-shaped tensors.
struct BoundEpilogue {
  Epilogue epilogue;
  PixelGrid residual, gate;
  std::vector<std::shared_ptr<Buffer>> keep;
  int64_t bytes = 0;
};
Status BindEpilogue(const EpilogueSpec& spec, int64_t channels, Layout layout, PlanBuilder& builder,
                    BoundEpilogue* bound);

// The grid of a placed rank-4 tensor, one pixel after the other.
PixelGrid GridOf(const Tensor& tensor);

// Merges all rows into one when every grid allows it, so that tiles may cross row ends.
void MergeRows(TileGeometry* geometry);
// The same, and also where y alone stands in the way, whose rows have a halo between them, if tiles gain more than it
// costs to move their pixels there in a second step: where all segments store whole vectors. And the tiles for that.
TileChoice ChooseRows(const KernelTable& kernels, int64_t channels, bool whole_vectors, TileGeometry* geometry);

}  // namespace lanewise
