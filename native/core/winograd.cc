// 3x3 convolution by Winograd's minimal filtering: m x m outputs cost n^2 products per pair of channels instead of
// 9*m^2, n = m + 2 for stride 1 and 2*m + 1 for stride 2. A block of tiles goes through three stages while it is in
// cache: transform of its inputs (all channels), one matrix product per frequency and group of output channels (the
// dense microkernel), transform of the products with the epilogue.
//
// F(4) of stride 1 has narrow tiles at the right and lower edge (winograd_tiles.h), which have some of its frequencies
// only: a 14 x 14 output takes 484 products, with full tiles it would take 576.
//
// Layouts: V [frequency][input block][tile][lanes]; U [segment][panel][input channel][vectors*lanes], one sequential
// stream per segment; M [frequency][vector][tile][lanes], only for the segment at hand.
#include <algorithm>
#include <string>

#include "core/conv.h"
#include "core/pack.h"
#include "core/self_check.h"
#include "core/winograd_tiles.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

// A of ErrorBound in self_check.cc. Narrow tiles have less: 10.25 in the corner.
double Amplification(WinogradTile tile) {
  if (tile.m == 2) return 5;
  return tile.stride == 1 ? 171. / 8 : 10.48;
}

// Of a piece of the tiles that is cut for a thread.
constexpr int64_t kFewestTiles = 4;

class WinogradStep : public Step {
 public:
  WinogradStep(const Conv2dSpec& spec, const ConvExtents& e, WinogradShape shape, const Tensor& x, const Tensor& y,
               BoundEpilogue bound, std::vector<Segment> segments, const float* weights, std::shared_ptr<Buffer> bias,
               int threads, const KernelTable& kernels)
      : e_(e),
        s_(shape),
        x_(x),
        y_(y),
        bound_(std::move(bound)),
        segments_(std::move(segments)),
        weights_(weights),
        bias_(std::move(bias)),
        kernels_(kernels),
        pads_(spec.pads) {
    const int64_t lanes = x.lanes, blocks = x.blocks();
    for (const Segment& segment : segments_) max_vectors_ = std::max<int64_t>(max_vectors_, segment.vectors);
    const int64_t tile_bytes = s_.frequencies() * (blocks + max_vectors_) * lanes * static_cast<int64_t>(sizeof(float));
    const int64_t budget = static_cast<int64_t>(static_cast<double>(Caches().l2_bytes) * kWinogradShare);
    const int64_t fewest = std::min(s_.tiles(), kFewestWinogradTiles);
    const int64_t most = std::clamp<int64_t>(budget / tile_bytes, fewest, s_.tiles());
    int64_t pieces = (s_.tiles() + most - 1) / most;
    // Where the output channels are too few for the threads, more pieces: each goes through all weights, but small
    // ones.
    const int64_t segment_count = static_cast<int64_t>(segments_.size()) * e.n;
    if (segment_count < 2 * threads) {
      const int64_t wanted = (2 * threads + segment_count - 1) / segment_count;
      pieces = std::max(pieces, std::min(wanted, (s_.tiles() + kFewestTiles - 1) / kFewestTiles));
    }
    block_tiles_ = (s_.tiles() + pieces - 1) / pieces;
    tile_blocks_ = (s_.tiles() + block_tiles_ - 1) / block_tiles_;
    // Frequencies a power of two apart would fall into the same cache sets.
    v_stride_ = blocks * block_tiles_ * lanes + lanes;
    m_stride_ = max_vectors_ * block_tiles_ * lanes + lanes;
    for (int64_t b = 0; b < blocks; ++b) {
      runs_.push_back({static_cast<ptrdiff_t>(b * block_tiles_ * lanes), static_cast<size_t>(x.lanes_of(b))});
    }
    const auto zero = std::make_shared<Buffer>();
    if (zero->Allocate(static_cast<size_t>(kMaxTileVectors * lanes), /*zeroed=*/true).ok()) zero_ = zero;
  }

  bool ok() const { return zero_ != nullptr; }
  size_t scratch() const { return static_cast<size_t>(s_.frequencies() * (v_stride_ + m_stride_)); }
  WeightSpan weights() const override {
    if (segments_.empty()) return {};
    const Segment& last = segments_.back();
    return {weights_, static_cast<int64_t>(last.weights) + s_.weight_panels() * e_.c * last.vectors * x_.lanes};
  }
  // Of a block of tiles, one segment of the output channels. A thread transforms the input of a block when it begins
  // with it: once for all segments that it does one after the other.
  size_t items() const override { return static_cast<size_t>(e_.n * tile_blocks_) * segments_.size(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    bool transformed = context.since < begin;
    for (size_t item = begin; item < end; ++item) {
      const size_t segment = item % segments_.size();
      RunItem(context, static_cast<int64_t>(item / segments_.size()), segments_[segment], transformed && segment > 0);
      transformed = true;
    }
  }

 private:
  void RunItem(const RunContext& context, int64_t image_block, const Segment& segment, bool transformed) const {
    const int64_t image = image_block / tile_blocks_, first = image_block % tile_blocks_ * block_tiles_;
    const int64_t count = std::min(block_tiles_, s_.tiles() - first);
    float* v = context.scratch;
    float* m = v + s_.frequencies() * v_stride_;
    if (!transformed) TransformInputs(context, image, first, count, v);
    Multiply(segment, first, count, v, m);
    TransformOutputs(context, segment, image, first, count, m);
  }

  void TransformInputs(const RunContext& context, int64_t image, int64_t first, int64_t count, float* v) const {
    const float* x = context.Data(x_.id) + image * x_.image_stride;
    WinogradInputArgs args{};
    args.x_row_stride = x_.row_stride;
    args.v_stride = v_stride_;
    for (int64_t b = 0; b < x_.blocks(); ++b) {
      s_.ForEach(first, count, [&](int64_t tile, int64_t tile_row, int64_t tile_col, int kernel) {
        const int64_t row = tile_row * s_.step() - pads_.top, col = tile_col * s_.step() - pads_.left;
        args.x = x + b * x_.block_stride + row * x_.row_stride + col * x_.pixel_stride;
        args.rows = static_cast<int>(std::min<int64_t>(s_.n(), x_.h() + x_.halo.bottom - row));
        args.cols = static_cast<int>(std::min<int64_t>(s_.n(), x_.w() + x_.halo.right - col));
        args.v = v + (b * block_tiles_ + tile - first) * x_.lanes;
        kernels_.winograd_input[kernel](args);
      });
    }
  }

  void Multiply(const Segment& segment, int64_t first, int64_t count, const float* v, float* m) const {
    const TileKernel* kernels = kernels_.tile[segment.vectors - 1];
    int64_t max_pixels = kMaxTilePixels;
    while (kernels[max_pixels - 1] == nullptr) --max_pixels;
    TileArgs args{};
    args.x_pixel_stride = args.y_pixel_stride = x_.lanes;
    args.y_block_stride = block_tiles_ * x_.lanes;
    args.runs = runs_.data();
    args.run_count = runs_.size();
    args.bias = zero_->data();
    args.last_lanes = static_cast<size_t>(x_.lanes);
    args.weights = weights_ + segment.weights;
    args.prefetch_near = PrefetchesNear();
    const int64_t panel = e_.c * segment.vectors * x_.lanes;
    // A call of the microkernel asks for this much of the next panel: there are as many as ask for all of it (layers of
    // 256 channels at 14 px: 5 %).
    const int64_t asked = e_.c * 8 * segment.vectors, fewest = x_.lanes / 8;
    // The tiles of the block that have a frequency, in nearly equal parts for the microkernel.
    struct Cut {
      int64_t first, tiles, small, large_count;
    } cuts[2][2] = {};
    for (const bool in_narrow_rows : {false, true}) {
      for (const bool in_narrow_cols : {false, true}) {
        const WinogradShape::Range range = s_.TilesWith(in_narrow_rows, in_narrow_cols);
        const int64_t begin = std::max<int64_t>(range.begin - first, 0);
        const int64_t pixels = std::min(range.end - first, count) - begin;
        if (pixels <= 0) continue;
        const int64_t tiles = std::max((pixels + max_pixels - 1) / max_pixels, std::min(pixels, fewest));
        cuts[in_narrow_rows][in_narrow_cols] = {begin, tiles, pixels / tiles, pixels % tiles};
      }
    }
    const auto multiply = [&](int row, int col) {
      const Cut& cut = cuts[s_.InNarrow(row)][s_.InNarrow(col)];
      const int64_t f = row * s_.n() + col;
      args.prefetch = args.weights + panel;
      int64_t pixel = cut.first;
      for (int64_t t = 0; t < cut.tiles; ++t) {
        const int64_t pixels = cut.small + (t < cut.large_count ? 1 : 0);
        args.x = v + f * v_stride_ + pixel * x_.lanes;
        args.y = m + f * m_stride_ + pixel * x_.lanes;
        kernels[pixels - 1](args);
        pixel += pixels;
        args.prefetch += asked;
      }
    };
    // Frequencies of one panel after each other, so that it is in the first cache for all but the first.
    const int n = s_.n(), last = s_.panels() - 1;
    const auto end = [=](int panel) { return panel == last ? n : panel + 1; };
    for (int i = 0; i <= last; ++i) {
      for (int j = 0; j <= last; ++j, args.weights += panel) {
        for (int row = i; row < end(i); ++row) {
          for (int col = j; col < end(j); ++col) multiply(row, col);
        }
      }
    }
  }

  void TransformOutputs(const RunContext& context, const Segment& segment, int64_t image, int64_t first, int64_t count,
                        const float* m) const {
    WinogradOutputArgs args{};
    args.m_stride = m_stride_;
    args.y_row_stride = y_.row_stride;
    args.y_pixel_stride = y_.pixel_stride;
    args.residual_row_stride = bound_.residual.row_stride;
    args.gate_row_stride = bound_.gate.row_stride;
    for (int64_t n = 0; n < segment.vectors; ++n) {
      const int64_t channel = segment.channel + n * y_.lanes, block = channel / y_.lanes;
      const auto plane = [&](const PixelGrid& grid) -> const float* {
        return grid.tensor == kNone ? nullptr
                                    : context.Data(grid.tensor) + image * grid.image_stride + block * grid.block_stride;
      };
      const float* residual = plane(bound_.residual);
      const float* gate = plane(bound_.gate);
      float* y = context.Data(y_.id) + image * y_.image_stride + block * y_.block_stride;
      args.bias = bias_->data() + segment.bias + n * y_.lanes;
      args.epilogue = bound_.epilogue;
      args.epilogue.residual_pixel_stride = bound_.residual.pixel_stride;
      args.epilogue.gate_pixel_stride = bound_.gate.pixel_stride;
      if (args.epilogue.scale != nullptr) {
        args.epilogue.scale += channel;
        args.epilogue.shift += channel;
      }
      if (args.epilogue.slope != nullptr) args.epilogue.slope += channel;
      s_.ForEach(first, count, [&](int64_t tile, int64_t tile_row, int64_t tile_col, int kernel) {
        const int64_t row = tile_row * s_.m, col = tile_col * s_.m;
        args.m = m + (n * block_tiles_ + tile - first) * y_.lanes;
        args.y = y + row * y_.row_stride + col * y_.pixel_stride;
        args.rows = static_cast<int>(std::min<int64_t>(s_.m, e_.oh - row));
        args.cols = static_cast<int>(std::min<int64_t>(s_.m, e_.ow - col));
        if (residual != nullptr) {
          args.epilogue.residual = residual + row * bound_.residual.row_stride + col * bound_.residual.pixel_stride;
        }
        if (gate != nullptr) {
          args.epilogue.gate = gate + row * bound_.gate.row_stride + col * bound_.gate.pixel_stride;
        }
        kernels_.winograd_output[kernel](args);
      });
    }
  }

  ConvExtents e_;
  WinogradShape s_;
  Tensor x_, y_;
  BoundEpilogue bound_;
  std::vector<Segment> segments_;
  const float* weights_;  // the plan keeps them
  std::shared_ptr<Buffer> bias_, zero_;
  const KernelTable& kernels_;
  Pads pads_;
  std::vector<lanewise::Run> runs_;
  int64_t block_tiles_, tile_blocks_, max_vectors_ = 1;
  int64_t v_stride_, m_stride_;
};

}  // namespace

Status BuildWinograd(int m, const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  PlaneOperands p;
  LANEWISE_RETURN_IF_ERROR(BindPlanes(spec, e, step, builder, &p));
  const WinogradTile tile{m, static_cast<int>(spec.strides.h)};
  const WinogradShape s(tile, e.oh, e.ow);
  const int lanes = builder.lanes();
  const TileChoice choice = ChooseTile(builder.kernels(), s.tiles(), e.o, e.c, /*at_once=*/true);
  SegmentPlan cut = CutSegments(e.o, 1, e.c, e.c * s.weight_panels(), choice.vectors, lanes, /*padded_output=*/true);
  const auto pack = [kernel = builder.kernels().winograd_weights[tile.index()], lanes, channels = e.c](
                        const Segment& segment, const float* rows, float* packed) {
    WinogradWeightsArgs args{};
    args.w_stride = channels * 9;
    args.u_stride = channels * segment.vectors * lanes;
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t o = 0; o < segment.count; o += kWinogradWeights) {
        args.w = rows + o * args.w_stride + c * 9;
        args.count = static_cast<size_t>(std::min(kWinogradWeights, segment.count - o));
        args.u = packed + c * segment.vectors * lanes + o;
        kernel(args);
      }
    }
  };
  const auto check = [=, &kernels = builder.kernels()](const Segment& segment, const float* rows, const float* packed) {
    // A full tile and a narrow one on either axis, whether this layer has narrow ones or not: another that shares its
    // weights, and the verdict, may. Where there are none, a full tile and one pixel beyond it.
    const FormTrial trial = MakeTrial(spec, e, m + (tile.narrows() ? NarrowWinograd::kOutputs : 1), kernels, segment);
    const auto no_bias = std::make_shared<Buffer>();
    LANEWISE_RETURN_IF_ERROR(no_bias->Allocate(static_cast<size_t>(segment.vectors * lanes), /*zeroed=*/true));
    const WinogradStep winograd(trial.spec, trial.e, WinogradShape(tile, trial.e.oh, trial.e.ow), trial.x, trial.y, {},
                                {trial.segment}, packed, no_bias, 1, kernels);
    if (!winograd.ok()) return Status::OutOfMemory("winograd");
    return CheckForm(trial, winograd, winograd.scratch(), {static_cast<double>(e.c), Amplification(tile)}, rows);
  };
  const std::string vectors = "x" + std::to_string(choice.vectors);
  std::string name = "winograd F(" + std::to_string(m) + ")";
  if (tile.stride == 2) name += "/2";
  const std::string form = name + " " + std::to_string(lanes) + vectors;
  PackedWeights weights;
  const auto verdict = std::make_shared<PackVerdict>();
  Packer packer = PackBySegments(cut.segments, e.c * 9,
                                 PackAndCheck(pack, check, cut.segments, e.c * 9, builder.kernels(), verdict));
  LANEWISE_RETURN_IF_ERROR(PackWeights(step.inputs[1], spec.epilogue, form, cut.weights_size, std::move(packer),
                                       builder, &weights, verdict));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));
  const StepInfo info = ConvInfo(name + " " + vectors, e, p.bound);
  auto winograd =
      std::make_unique<WinogradStep>(spec, e, s, p.x, p.y, std::move(p.bound), cut.segments, weights.weights->data(),
                                     std::move(bias), builder.options().threads, builder.kernels());
  if (!winograd->ok()) return Status::OutOfMemory("winograd");
  builder.ReserveScratch(winograd->scratch());
  builder.Add(std::move(winograd), info);
  return Status::Ok();
}

}  // namespace lanewise
