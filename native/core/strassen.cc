// 1x1 convolutions with seven products in the place of eight. Pixels A, weights B and outputs C are cut in quarters: by
// halves of the pixels, of the input channels, and of the output channels. (V. Strassen, "Gaussian elimination is not
// optimal", Numerische Mathematik 13, 1969, in S. Winograd's form with 15 additions.)
//
//   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = B21 - T2
//
//   U = A11 B11 + S2 T2               C11 = A11 B11 + A12 B21
//   V = U + S1 T1                     C12 = V + S4 B22
//   W = U + S3 T3                     C21 = W + A22 T4
//                                     C22 = V + S3 T3
//
// One level of it, and tile by tile: what is between the products of a tile stays in the first cache, and all but two
// of the additions are made where a product's accumulators are stored. So an output costs a few cycles a vector more,
// where an eighth of its multiply-adds is saved. T are made when weights are packed (7/4 as large), S for a block of
// pixels that stays in the second cache.
//
// Halves: row r of pixels goes with r + rows/2, input channel k with k + 16 of each 32, output channel o with o + 32 of
// each 64. Nothing depends on the ISA or the number of threads, and so the bits do not.
//
// Layouts: weights [64 outputs][tile columns][7][input channel of a half][vectors*lanes]; S [1-4][input block of a
// half][pixel][lanes].
#include <algorithm>
#include <string>

#include "core/conv.h"
#include "core/pack.h"
#include "core/self_check.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

constexpr int64_t kHalfInputs = kStrassenInputs / 2, kHalfOutputs = kStrassenOutputs / 2;
// Of a tile: vectors of output channels, and pixels, of which AVX-512 has registers for so many.
constexpr int kVectors = 2;
constexpr int64_t kMaxPixels = 14;
// A of ErrorBound in self_check.cc: the root of the sum of (|a||b|)^2 over the products of C12, C21 or C22, which have
// sums of 1 to 4 quarters, for filters as large as the two that are mixed.
constexpr double kAmplification = 4.243;  // sqrt(1 + 9 + 4 + 4)
// The products in the order of their weights.
enum Product { kA11B11, kS2T2, kS1T1, kS3T3, kA12B21, kS4B22, kA22T4, kProducts };
enum Sum { kS1, kS2, kS3, kS4, kSums };

int64_t PackedSize(int64_t inputs, int64_t outputs) { return inputs * outputs / 4 * kProducts; }

BinaryRow RowKernel(const KernelTable& kernels, Binary fn) { return kernels.binary[binary_index(fn, Spread::kFull)]; }

int64_t MaxPixels(const KernelTable& kernels) {
  int64_t m = kMaxPixels;
  while (kernels.tile[kVectors - 1][m - 1] == nullptr) --m;
  return m;
}

class StrassenStep : public Step {
 public:
  StrassenStep(const ConvExtents& e, const Tensor& x, const Tensor& y, BoundEpilogue bound,
               std::vector<Segment> segments, const float* weights, std::shared_ptr<Buffer> bias, int threads,
               const KernelTable& kernels)
      : kernels_(kernels),
        inputs_(e.c),
        images_(e.n),
        x_(GridOf(x)),
        y_(GridOf(y)),
        bound_(std::move(bound)),
        segments_(std::move(segments)),
        weights_(weights),
        bias_(std::move(bias)),
        lanes_(x.lanes),
        panel_(e.c / 2 * kVectors * x.lanes),
        rows_(e.oh / 2),
        cols_(e.ow),
        half_(rows_) {
    const auto is_one_row = [&](const PixelGrid& grid) {
      return grid.tensor == kNone || grid.row_stride == cols_ * grid.pixel_stride;
    };
    if (is_one_row(x_) && is_one_row(y_) && is_one_row(bound_.residual)) {
      cols_ *= rows_;
      rows_ = 1;
    }
    const int64_t max_pixels = MaxPixels(kernels);
    tiles_ = (cols_ + max_pixels - 1) / max_pixels;
    // What the products of a block of tiles read stays in the second cache, beside weights.
    constexpr double kShare = 0.7;
    const int64_t tile_bytes = cols_ / tiles_ * inputs_ / 2 * kProducts * static_cast<int64_t>(sizeof(float));
    const auto budget = static_cast<int64_t>(static_cast<double>(Caches().l2_bytes) * kShare);
    const int64_t tiles = rows_ * tiles_, most = std::clamp<int64_t>(budget / tile_bytes, 1, tiles);
    int64_t pieces = (tiles + most - 1) / most;
    // Where the output channels are too few for the threads, more pieces.
    const int64_t segment_count = static_cast<int64_t>(segments_.size()) * e.n;
    if (segment_count < 2 * threads) {
      pieces = std::max(pieces, std::min(tiles, (2 * threads + segment_count - 1) / segment_count));
    }
    block_tiles_ = (tiles + pieces - 1) / pieces;
    blocks_ = (tiles + block_tiles_ - 1) / block_tiles_;
    int64_t most_pixels = 0;
    for (int64_t b = 0; b < blocks_; ++b) most_pixels = std::max(most_pixels, FirstPixel(b + 1) - FirstPixel(b));
    // One vector more, for powers of two fall into the same cache sets.
    sum_stride_ = inputs_ / 2 * most_pixels + lanes_;
    for (int64_t channel = 0; channel < inputs_; channel += 2 * kHalfInputs) {
      for (int64_t c = channel; c < channel + kHalfInputs; c += lanes_) {
        const auto length = static_cast<size_t>(lanes_);
        sum_runs_.push_back({static_cast<ptrdiff_t>(sum_runs_.size()) * most_pixels * lanes_, length});
        x_runs_.push_back({c / lanes_ * x_.block_stride, length});
      }
    }
    const auto zero = std::make_shared<Buffer>();
    if (zero->Allocate(static_cast<size_t>(kVectors * lanes_), /*zeroed=*/true).ok()) zero_ = zero;
  }

  bool ok() const { return zero_ != nullptr; }
  size_t scratch() const { return static_cast<size_t>(kSums * sum_stride_); }
  int64_t tile_pixels() const { return (cols_ + tiles_ - 1) / tiles_; }
  WeightSpan weights() const override {
    return {weights_, PackedSize(inputs_, kStrassenOutputs) * static_cast<int64_t>(segments_.size())};
  }
  // Of a block of tiles, one segment of the output channels. A thread makes the sums of a block when it begins with it:
  // once for all segments that it does one after the other.
  size_t items() const override { return static_cast<size_t>(images_ * blocks_) * segments_.size(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    bool summed = context.since < begin;
    for (size_t item = begin; item < end; ++item) {
      const size_t segment = item % segments_.size();
      const int64_t image_block = static_cast<int64_t>(item / segments_.size());
      const int64_t image = image_block / blocks_, block = image_block % blocks_;
      if (!summed || segment == 0) AddPixels(context, image, block);
      RunTiles(context, image, block, segments_[segment]);
      summed = true;
    }
  }

 private:
  // Of the first half of the pixels.
  struct Tile {
    int64_t row, col, pixels;
  };
  Tile At(int64_t tile) const {
    const int64_t small = cols_ / tiles_, large_count = cols_ % tiles_, i = tile % tiles_;
    return {tile / tiles_, i * small + std::min(i, large_count), small + (i < large_count ? 1 : 0)};
  }
  int64_t FirstPixel(int64_t block) const {
    const Tile tile = At(std::min(block * block_tiles_, rows_ * tiles_));
    return tile.row * cols_ + tile.col;
  }
  // Where a tile's pixels of a half begin in the first block of a grid.
  ptrdiff_t Offset(const PixelGrid& grid, int64_t image, const Tile& tile, int half) const {
    return image * grid.image_stride + (tile.row + half * half_) * grid.row_stride + tile.col * grid.pixel_stride;
  }

  void AddPixels(const RunContext& context, int64_t image, int64_t block) const {
    StrassenSumsArgs args{};
    const float* x = context.Data(x_.tensor);
    args.second = kHalfInputs / lanes_ * x_.block_stride;
    args.s_stride = sum_stride_;
    const int64_t first = FirstPixel(block), end = FirstPixel(block + 1);
    for (int64_t pixel = first; pixel < end;) {
      const Tile row = {pixel / cols_, pixel % cols_, std::min(cols_ - pixel % cols_, end - pixel)};
      args.n = static_cast<size_t>(row.pixels * lanes_);
      for (size_t b = 0; b < x_runs_.size(); ++b) {
        args.a1 = x + Offset(x_, image, row, 0) + x_runs_[b].offset;
        args.a2 = x + Offset(x_, image, row, 1) + x_runs_[b].offset;
        args.ahead = b + 1 < x_runs_.size() ? x_runs_[b + 1].offset - x_runs_[b].offset : 0;
        args.s = context.scratch + sum_runs_[b].offset + (pixel - first) * lanes_;
        kernels_.strassen_sums(args);
      }
      pixel += row.pixels;
    }
  }

  // Weights that tiles ask for while they compute.
  struct Wanted {
    const float* next;
    const float* end;
  };

  void RunTiles(const RunContext& context, int64_t image, int64_t block, const Segment& segment) const {
    const int64_t first = FirstPixel(block);
    const int64_t begin = block * block_tiles_, end = std::min(begin + block_tiles_, rows_ * tiles_);
    const float* weights = weights_ + segment.weights;
    const float* const weights_end = weights_ + this->weights().size;
    for (int64_t channel = 0; channel < kHalfOutputs; channel += kVectors * lanes_, weights += kProducts * panel_) {
      const float* next = weights + kProducts * panel_;
      Wanted wanted = {next, std::min(next + kProducts * panel_, weights_end)};
      for (int64_t t = begin; t < end; ++t) {
        const Tile tile = At(t);
        const float* sums = context.scratch + (tile.row * cols_ + tile.col - first) * lanes_;
        RunTile(context, image, tile, sums, segment.channel + channel, weights, &wanted);
      }
    }
  }

  // A tile of both halves of the pixels and of the output channels, which begin at `channel` and kHalfOutputs behind.
  void RunTile(const RunContext& context, int64_t image, const Tile& tile, const float* sums, int64_t channel,
               const float* weights, Wanted* wanted) const {
    const BinaryRow add = RowKernel(kernels_, Binary::kAdd);
    const TileKernel kernel = kernels_.tile[kVectors - 1][tile.pixels - 1];
    const int64_t stride = tile.pixels * lanes_;
    const float* x = context.Data(x_.tensor);
    const ptrdiff_t second = kHalfInputs / lanes_ * x_.block_stride;

    alignas(kAlignment) float products[4][kMaxPixels * kVectors * kMaxLanes];
    float *const a11b11 = products[0], *const u = products[1], *const v = products[2], *const w = products[3];

    TileArgs args{};
    args.x_pixel_stride = lanes_;
    args.run_count = x_runs_.size();
    args.last_lanes = static_cast<size_t>(lanes_);
    const auto multiply = [&](Product product, const float* pixels, const std::vector<lanewise::Run>& runs) {
      args.x = pixels;
      args.runs = runs.data();
      args.weights = weights + product * panel_;
      args.prefetch = args.weights;
      if (wanted->next < wanted->end) {
        args.prefetch = wanted->next;
        wanted->next += panel_ / 2;  // as much as one call asks for
      }
      kernel(args);
    };
    const auto begin_with = [&](const float* sum) {
      args.epilogue.residual = sum;
      args.epilogue.residual_pixel_stride = lanes_;
      args.epilogue.residual_block_stride = stride;
    };
    const float* a11 = x + Offset(x_, image, tile, 0);
    const float* a22 = x + Offset(x_, image, tile, 1) + second;

    // Between.
    args.bias = zero_->data();
    args.y_pixel_stride = lanes_;
    args.y_block_stride = stride;
    args.y = a11b11;
    multiply(kA11B11, a11, x_runs_);
    begin_with(a11b11);
    args.y = u;
    multiply(kS2T2, sums + kS2 * sum_stride_, sum_runs_);
    begin_with(u);
    args.y = v;
    multiply(kS1T1, sums + kS1 * sum_stride_, sum_runs_);
    args.epilogue.residual = nullptr;
    args.y = w;
    multiply(kS3T3, sums + kS3 * sum_stride_, sum_runs_);
    // W in the place of U, and C22 in that of the product.
    const auto size = static_cast<size_t>(kVectors * stride);
    add(u, w, u, size);
    add(v, w, w, size);

    // Outputs.
    args.y_block_stride = y_.block_stride;
    args.y_pixel_stride = y_.pixel_stride;
    const auto result = [&](int pixel_half, int channel_half, float* sum) {
      const int64_t from = channel + channel_half * kHalfOutputs;
      const PixelGrid& r = bound_.residual;
      if (r.tensor != kNone) {
        const float* residual =
            context.Data(r.tensor) + Offset(r, image, tile, pixel_half) + from / lanes_ * r.block_stride;
        for (int n = 0; n < kVectors; ++n, residual += r.block_stride) {
          add(sum + n * stride, residual, sum + n * stride, static_cast<size_t>(stride));
        }
      }
      args.epilogue = bound_.epilogue;
      if (args.epilogue.slope != nullptr) args.epilogue.slope += from;
      begin_with(sum);
      args.bias = bias_->data() + from;
      args.y = context.Data(y_.tensor) + Offset(y_, image, tile, pixel_half) + from / lanes_ * y_.block_stride;
    };
    result(0, 0, a11b11);
    multiply(kA12B21, a11 + second, x_runs_);
    result(0, 1, v);
    multiply(kS4B22, sums + kS4 * sum_stride_, sum_runs_);
    result(1, 0, u);
    multiply(kA22T4, a22, x_runs_);
    result(1, 1, w);
    args.run_count = 0;  // what is left is the epilogue
    kernel(args);
  }

  const KernelTable& kernels_;
  int64_t inputs_, images_;
  PixelGrid x_, y_;
  BoundEpilogue bound_;
  std::vector<Segment> segments_;  // of 64 output channels
  const float* weights_;           // the plan keeps them
  std::shared_ptr<Buffer> bias_, zero_;
  int64_t lanes_, panel_;  // panel_: floats of one product's weights
  int64_t rows_, cols_;    // of the first half of the pixels
  int64_t half_;           // rows from a pixel to its partner
  int64_t tiles_ = 1;      // of a row
  int64_t block_tiles_ = 1, blocks_ = 1;
  int64_t sum_stride_ = 0;
  std::vector<lanewise::Run> x_runs_, sum_runs_;  // the channels of a half
};

// The panels of kStrassenOutputs filters.
void PackSegment(const KernelTable& kernels, int64_t inputs, const float* rows, float* packed) {
  const BinaryRow subtract = RowKernel(kernels, Binary::kSub);
  const int64_t width = kVectors * kernels.lanes, panel = inputs / 2 * width, quarter = kHalfInputs * width;
  const auto count = static_cast<size_t>(quarter);
  std::vector<float> halves[2];  // of the output channels: [input channel][width]
  for (auto& half : halves) half.resize(static_cast<size_t>(inputs * width));
  for (int64_t first = 0; first < kHalfOutputs; first += width, packed += kProducts * panel) {
    for (int half = 0; half < 2; ++half) {
      kernels.transpose(rows + (half * kHalfOutputs + first) * inputs, inputs, halves[half].data(), width,
                        static_cast<size_t>(width), static_cast<size_t>(inputs));
    }
    float* to = packed;
    for (int64_t at = 0; at < inputs * width; at += 2 * quarter, to += quarter) {
      const float *b11 = halves[0].data() + at, *b12 = halves[1].data() + at;
      const float *b21 = b11 + quarter, *b22 = b12 + quarter;
      float *t1 = to + kS1T1 * panel, *t2 = to + kS2T2 * panel;
      subtract(b12, b11, t1, count);
      subtract(b22, t1, t2, count);
      subtract(b22, b12, to + kS3T3 * panel, count);
      subtract(b21, t2, to + kA22T4 * panel, count);
      std::copy_n(b11, quarter, to + kA11B11 * panel);
      std::copy_n(b21, quarter, to + kA12B21 * panel);
      std::copy_n(b22, quarter, to + kS4B22 * panel);
    }
  }
}

}  // namespace

Status BuildStrassen(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  PlaneOperands p;
  LANEWISE_RETURN_IF_ERROR(BindPlanes(spec, e, step, builder, &p));
  const KernelTable& kernels = builder.kernels();
  SegmentPlan cut = CutSegments(e.o, 1, e.c, e.c / 4 * kProducts, static_cast<int>(kStrassenOutputs / kernels.lanes),
                                kernels.lanes, /*padded_output=*/true);
  const auto pack = [&kernels, inputs = e.c](const Segment&, const float* rows, float* packed) {
    PackSegment(kernels, inputs, rows, packed);
  };
  const auto check = [=, &kernels](const Segment& segment, const float* rows, const float* packed) {
    constexpr int64_t kTrialOutputs = 6;  // rows and columns: tiles of nine pixels, or fewer
    const FormTrial trial = MakeTrial(spec, e, kTrialOutputs, kernels, segment);
    const auto no_bias = std::make_shared<Buffer>();
    LANEWISE_RETURN_IF_ERROR(no_bias->Allocate(static_cast<size_t>(kStrassenOutputs), /*zeroed=*/true));
    const StrassenStep strassen(trial.e, trial.x, trial.y, {}, {trial.segment}, packed, no_bias, 1, kernels);
    if (!strassen.ok()) return Status::OutOfMemory("strassen");
    return CheckForm(trial, strassen, strassen.scratch(), {static_cast<double>(e.c), kAmplification, kHalfOutputs},
                     rows);
  };
  const std::string form = "strassen " + std::to_string(kernels.lanes);
  PackedWeights weights;
  const auto verdict = std::make_shared<PackVerdict>();
  Packer packer = PackBySegments(cut.segments, e.c, PackAndCheck(pack, check, cut.segments, e.c, kernels, verdict));
  LANEWISE_RETURN_IF_ERROR(PackWeights(step.inputs[1], spec.epilogue, form, cut.weights_size, std::move(packer),
                                       builder, &weights, verdict));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));
  const int threads = builder.options().threads;
  auto strassen = std::make_unique<StrassenStep>(e, p.x, p.y, p.bound, cut.segments, weights.weights->data(),
                                                 std::move(bias), threads, kernels);
  if (!strassen->ok()) return Status::OutOfMemory("strassen");
  builder.ReserveScratch(strassen->scratch());
  const std::string tile = std::to_string(strassen->tile_pixels()) + "x" + std::to_string(kVectors);
  builder.Add(std::move(strassen), ConvInfo("strassen " + tile, e, p.bound));
  return Status::Ok();
}

}  // namespace lanewise
