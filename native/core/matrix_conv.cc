// Dense convolution on a matrix unit (kernels/matrix.h): a strip of output rows at a time, its input is split into
// bfloat16 parts once and then multiplied with every segment of output channels while it is in the second cache. The
// weights of a segment are split, panel by panel, while the panel before is multiplied.
//
// A stride becomes phases: the split copy keeps a plane of its own for each residue of input rows and columns that some
// tap reads, and in its plane every tap moves one pixel per output. Rows of a plane follow each other without gaps, so
// that tiles of pixels run across row ends; the few sums that lie between two rows' outputs are dropped.
#include <algorithm>
#include <string>

#include "core/conv.h"
#include "core/pack.h"
#include "core/self_check.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

// A panel is at most 196 KB: two of them and a strip share the second cache.
constexpr int64_t kPanelSteps = 32;

// Of two numbers in parts that are computed, each an addition.
constexpr int64_t kProducts = 6;

// Rows and columns of the self-check's picture, fewer pixels than a kernel computes at once.
constexpr int64_t kTrialOutputs = 5;

// A plane of the split copy: input rows first_row + i*stride, columns likewise.
struct Phase {
  int64_t first_row = 0, first_col = 0;  // of the padded input
  int64_t more_rows = 0, more_cols = 0;  // beyond one per output
};

struct Tap {
  size_t phase;
  int64_t row, col;  // in its plane
};

struct MatrixGeometry {
  std::vector<Phase> phases;
  std::vector<Tap> taps;  // in the order of the weights
  int64_t steps_of_channels = 0;
  int64_t pitch = 0;  // of every plane
  // Split pixels of one part for a strip of `rows` output rows.
  int64_t PlaneRows(const Phase& phase, int64_t rows) const { return rows + phase.more_rows; }
  int64_t Pixels(int64_t rows) const {
    int64_t sum = 0;
    for (const Phase& phase : phases) sum += PlaneRows(phase, rows) * pitch;
    return sum;
  }
  size_t steps() const { return static_cast<size_t>(steps_of_channels) * taps.size(); }
};

MatrixGeometry GeometryFor(const Conv2dSpec& spec, const ConvExtents& e) {
  MatrixGeometry g;
  g.steps_of_channels = (e.c + 2 * kPairs - 1) / (2 * kPairs);
  for (int64_t ky = 0; ky < e.kh; ++ky) {
    for (int64_t kx = 0; kx < e.kw; ++kx) {
      const int64_t row = ky * spec.dilations.h, col = kx * spec.dilations.w;
      const Phase wanted{row % spec.strides.h, col % spec.strides.w};
      auto phase = std::find_if(g.phases.begin(), g.phases.end(), [&](const Phase& p) {
        return p.first_row == wanted.first_row && p.first_col == wanted.first_col;
      });
      if (phase == g.phases.end()) phase = g.phases.insert(phase, wanted);
      const Tap tap{static_cast<size_t>(phase - g.phases.begin()), row / spec.strides.h, col / spec.strides.w};
      phase->more_rows = std::max(phase->more_rows, tap.row);
      phase->more_cols = std::max(phase->more_cols, tap.col);
      g.taps.push_back(tap);
    }
  }
  for (const Phase& phase : g.phases) g.pitch = std::max(g.pitch, e.ow + phase.more_cols);
  return g;
}

class MatrixStep : public Step {
 public:
  MatrixStep(const Conv2dSpec& spec, const ConvExtents& e, MatrixGeometry geometry, const Tensor& x, const Tensor& y,
             BoundEpilogue bound, std::vector<Segment> segments, const float* weights, std::shared_ptr<Buffer> bias,
             int threads, const MatrixKernels& kernels)
      : e_(e),
        g_(std::move(geometry)),
        x_(x),
        y_(y),
        bound_(std::move(bound)),
        segments_(std::move(segments)),
        weights_(weights),
        bias_(std::move(bias)),
        kernels_(kernels),
        strides_(spec.strides),
        pads_(spec.pads) {
    // A strip's split input stays in half the second cache. Where the weights are the larger part, threads share output
    // channels and split the input each for itself; else they share strips.
    const int64_t l2 = static_cast<int64_t>(Caches().l2_bytes);
    const int64_t pixel_bytes = g_.steps_of_channels * kParts * kPairs * static_cast<int64_t>(sizeof(float));
    const auto fits = [&](int64_t rows) { return g_.Pixels(rows) * pixel_bytes <= l2 / 2; };
    strip_rows_ = e.oh;
    while (strip_rows_ > 1 && !fits(strip_rows_)) strip_rows_ = (strip_rows_ + 1) / 2;
    int64_t strips = (e.oh + strip_rows_ - 1) / strip_rows_;
    int64_t vectors = 0;
    for (const Segment& segment : segments_) vectors += segment.vectors;
    const int64_t weight_bytes = static_cast<int64_t>(g_.steps() * sizeof(float)) * vectors * 2 * kMatrixTile;
    if (weight_bytes <= l2 / 2) strips = std::min(e.oh, (strips + threads - 1) / threads * threads);
    strip_rows_ = (e.oh + strips - 1) / strips;
    strips_ = (e.oh + strip_rows_ - 1) / strip_rows_;
    shares_ =
        std::clamp<int64_t>((threads + e.n * strips_ - 1) / (e.n * strips_), 1, static_cast<int64_t>(segments_.size()));
    part_stride_ = g_.Pixels(strip_rows_) * kPairs;
    const auto steps = static_cast<int64_t>(g_.steps());
    panels_ = (steps + kPanelSteps - 1) / kPanelSteps;
    panel_steps_ = (steps + panels_ - 1) / panels_;
    panels_ = (steps + panel_steps_ - 1) / panel_steps_;
    panels_at_ = g_.steps_of_channels * kParts * part_stride_ + (kMatrixSlack + g_.pitch) * kPairs;
    sums_at_ = panels_at_ + 2 * panel_steps_ * kParts * kMaxMatrixVectors * kMatrixTile;
    const int64_t sums = panels_ > 1 ? (strip_rows_ * g_.pitch + kMatrixSlack) * kMaxMatrixVectors * kPairs : 0;
    scratch_ = static_cast<size_t>(sums_at_ + sums);
    y_offsets_ = Offsets(y.row_stride, y.pixel_stride);
    if (bound_.residual.tensor != kNone) {
      residual_offsets_ = Offsets(bound_.residual.row_stride, bound_.residual.pixel_stride);
    }
    if (bound_.gate.tensor != kNone) gate_offsets_ = Offsets(bound_.gate.row_stride, bound_.gate.pixel_stride);
    inside_ = Inside(strip_rows_);
    inside_last_ = Inside(e.oh - (strips_ - 1) * strip_rows_);
    for (int64_t s = 0; s < g_.steps_of_channels; ++s) {
      for (const Tap& tap : g_.taps) {
        int64_t pixel = tap.row * g_.pitch + tap.col;
        for (size_t p = 0; p < tap.phase; ++p) pixel += g_.PlaneRows(g_.phases[p], strip_rows_) * g_.pitch;
        offsets_.push_back(s * kParts * part_stride_ + pixel * kPairs);
      }
    }
  }

  size_t scratch() const { return scratch_; }
  size_t items() const override { return static_cast<size_t>(e_.n * strips_ * shares_); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t item = begin; item < end; ++item) RunItem(context, static_cast<int64_t>(item));
  }

 private:
  void RunItem(const RunContext& context, int64_t item) const {
    const int64_t share = item % shares_;
    const int64_t strip = item / shares_ % strips_;
    const int64_t image = item / shares_ / strips_;
    const int64_t row = strip * strip_rows_, rows = std::min(strip_rows_, e_.oh - row);
    Split(context, image, row, rows);
    const auto segments = static_cast<int64_t>(segments_.size());
    const int64_t first = segments * share / shares_, last = segments * (share + 1) / shares_;
    if (first == last) return;
    SplitWeightsArgs panel = Panel(context, first, 0, 0);
    kernels_.split_weights(panel);
    int64_t count = 0;
    for (int64_t i = first; i < last; ++i) {
      MatrixConvArgs args = Arguments(context, segments_[static_cast<size_t>(i)], image, row, rows);
      for (int64_t p = 0; p < panels_; ++p) {
        args.offsets = offsets_.data() + p * panel_steps_;
        args.steps = panel.steps;
        args.weights = panel.parts;
        args.resume = p > 0;
        args.suspend = p + 1 < panels_;
        const int64_t next = args.suspend ? i : i + 1;
        args.next = panel = next < last ? Panel(context, next, args.suspend ? p + 1 : 0, ++count) : SplitWeightsArgs{};
        kernels_.conv[segments_[static_cast<size_t>(i)].vectors - 1](args);
      }
    }
  }

  // Positions of a strip's pixels, row by row, `pitch` a row.
  size_t table_size() const {
    return static_cast<size_t>((strip_rows_ * g_.pitch + kMatrixSlack - 1) / kMatrixSlack * kMatrixSlack);
  }
  std::vector<ptrdiff_t> Offsets(ptrdiff_t row_stride, ptrdiff_t pixel_stride) const {
    std::vector<ptrdiff_t> offsets(table_size());
    for (int64_t p = 0; p < strip_rows_ * g_.pitch; ++p) {
      const int64_t col = p % g_.pitch;
      if (col < e_.ow) offsets[static_cast<size_t>(p)] = p / g_.pitch * row_stride + col * pixel_stride;
    }
    return offsets;
  }
  std::vector<uint16_t> Inside(int64_t rows) const {
    std::vector<uint16_t> inside(table_size());
    for (int64_t p = 0; p < rows * g_.pitch; ++p) {
      if (p % g_.pitch < e_.ow) inside[static_cast<size_t>(p)] = 0xffff;
    }
    return inside;
  }

  // The weights of one panel, and where they are split to: `count` alternates between two places.
  SplitWeightsArgs Panel(const RunContext& context, int64_t segment, int64_t panel, int64_t count) const {
    const Segment& s = segments_[static_cast<size_t>(segment)];
    const int64_t first = panel * panel_steps_;
    SplitWeightsArgs args{};
    args.weights = weights_ + s.weights + first * s.vectors * 2 * kMatrixTile;
    args.parts = context.scratch + panels_at_ + count % 2 * panel_steps_ * kParts * kMaxMatrixVectors * kMatrixTile;
    args.steps = static_cast<size_t>(std::min(panel_steps_, static_cast<int64_t>(offsets_.size()) - first));
    args.vectors = s.vectors;
    return args;
  }

  void Split(const RunContext& context, int64_t image, int64_t row, int64_t rows) const {
    const float* x =
        context.Data(x_.id) + image * x_.image_stride - pads_.top * x_.row_stride - pads_.left * x_.pixel_stride;
    SplitArgs args{};
    args.pixel_stride = strides_.w * x_.pixel_stride;
    args.part_stride = part_stride_;
    for (int64_t s = 0; s < g_.steps_of_channels; ++s) {
      const int64_t block = 2 * s;
      const bool pair = block + 1 < x_.blocks();
      args.lanes0 = static_cast<size_t>(x_.lanes_of(block));
      args.lanes1 = pair ? static_cast<size_t>(x_.lanes_of(block + 1)) : 0;
      float* plane = context.scratch + s * kParts * part_stride_;
      for (const Phase& phase : g_.phases) {
        const float* from = x + block * x_.block_stride + (row * strides_.h + phase.first_row) * x_.row_stride +
                            phase.first_col * x_.pixel_stride;
        int64_t count = g_.PlaneRows(phase, rows), pixels = e_.ow + phase.more_cols;
        const int64_t row_step = strides_.h * x_.row_stride;
        if (pixels == g_.pitch && row_step == pixels * args.pixel_stride) {
          pixels *= count;
          count = 1;
        }
        args.pixels = static_cast<size_t>(pixels);
        for (int64_t r = 0; r < count; ++r) {
          args.x0 = from + r * row_step;
          args.x1 = pair ? args.x0 + x_.block_stride : nullptr;
          args.parts = plane + r * g_.pitch * kPairs;
          kernels_.split(args);
        }
        plane += g_.PlaneRows(phase, strip_rows_) * g_.pitch * kPairs;
      }
    }
  }

  // All but what changes from panel to panel.
  MatrixConvArgs Arguments(const RunContext& context, const Segment& segment, int64_t image, int64_t row,
                           int64_t rows) const {
    const int64_t block = segment.channel / y_.lanes;
    const auto plane = [&](const PixelGrid& grid) -> const float* {
      if (grid.tensor == kNone) return nullptr;
      return context.Data(grid.tensor) + grid.origin + image * grid.image_stride + block * grid.block_stride +
             row * grid.row_stride;
    };
    MatrixConvArgs args{};
    args.x = context.scratch;
    args.part_stride = part_stride_;
    args.sums = context.scratch + sums_at_;
    args.bias = bias_->data() + segment.bias;
    args.pixels = static_cast<size_t>(rows * g_.pitch);
    args.inside = rows == strip_rows_ ? inside_.data() : inside_last_.data();
    args.y = context.Data(y_.id) + image * y_.image_stride + block * y_.block_stride + row * y_.row_stride;
    args.y_offsets = y_offsets_.data();
    args.y_block_stride = y_.block_stride;
    args.vectors = segment.vectors;
    args.last_lanes = static_cast<size_t>(segment.last_lanes);
    args.epilogue = bound_.epilogue;
    if (args.epilogue.scale != nullptr) {
      args.epilogue.scale += segment.channel;
      args.epilogue.shift += segment.channel;
    }
    if (args.epilogue.slope != nullptr) args.epilogue.slope += segment.channel;
    args.epilogue.residual = plane(bound_.residual);
    args.epilogue.residual_block_stride = bound_.residual.block_stride;
    args.residual_offsets = residual_offsets_.data();
    args.epilogue.gate = plane(bound_.gate);
    args.epilogue.gate_block_stride = bound_.gate.block_stride;
    args.gate_offsets = gate_offsets_.data();
    return args;
  }

  ConvExtents e_;
  MatrixGeometry g_;
  Tensor x_, y_;
  BoundEpilogue bound_;
  std::vector<Segment> segments_;
  const float* weights_;  // the plan keeps them
  std::shared_ptr<Buffer> bias_;
  const MatrixKernels& kernels_;
  Pair strides_;
  Pads pads_;
  std::vector<ptrdiff_t> offsets_;  // of the steps, in the order of the weights: channels outside, taps inside
  std::vector<ptrdiff_t> y_offsets_, residual_offsets_, gate_offsets_;
  std::vector<uint16_t> inside_, inside_last_;
  int64_t strip_rows_, strips_, shares_, part_stride_;
  int64_t panels_, panel_steps_;  // of a segment's weights; steps of a panel
  int64_t panels_at_, sums_at_;   // in the scratch
  size_t scratch_;
};

// Puts the weight that joins input `channel` (counted from a step's first) and `output` (from a segment's first) into
// the weights of that step of the sum.
void StoreWeight(float w, int64_t channel, float* step, int64_t output) {
  const int64_t row = channel % kPairs, half = channel / kPairs % 2;
  step[((output / kPairs * kPairs + row) * 2 + half) * kPairs + output % kPairs] = w;
}

}  // namespace

Status BuildMatrix(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  PlaneOperands p;
  LANEWISE_RETURN_IF_ERROR(BindPlanes(spec, e, step, builder, &p));
  MatrixGeometry g = GeometryFor(spec, e);
  const int lanes = builder.lanes();
  const auto depth = static_cast<int64_t>(g.steps()) * 2 * kPairs;
  SegmentPlan cut = CutSegments(e.o, 1, e.c, depth, kMaxMatrixVectors, lanes, /*padded_output=*/true);
  const auto pack = [taps = e.taps(), channels = e.c](const Segment& s, const float* rows, float* packed) {
    const int64_t step_size = 2 * s.vectors * kMatrixTile;
    for (int64_t o = 0; o < s.count; ++o) {
      for (int64_t c = 0; c < channels; ++c) {
        for (int64_t t = 0; t < taps; ++t) {
          const int64_t index = c / (2 * kPairs) * taps + t;
          StoreWeight(rows[(o * channels + c) * taps + t], c, packed + index * step_size, o);
        }
      }
    }
  };
  const auto check = [=, &kernels = builder.kernels()](const Segment& segment, const float* rows, const float* packed) {
    const FormTrial trial = MakeTrial(spec, e, kTrialOutputs, kernels, segment);
    const auto no_bias = std::make_shared<Buffer>();
    LANEWISE_RETURN_IF_ERROR(no_bias->Allocate(static_cast<size_t>(segment.vectors * lanes), /*zeroed=*/true));
    const MatrixStep matrix(trial.spec, trial.e, GeometryFor(trial.spec, trial.e), trial.x, trial.y, {},
                            {trial.segment}, packed, no_bias, 1, *kernels.matrix);
    return CheckForm(trial, matrix, matrix.scratch(), {static_cast<double>(kProducts * e.c * e.taps()), 1}, rows);
  };
  const std::string form = "matrix";
  PackedWeights weights;
  const auto verdict = std::make_shared<PackVerdict>();
  const int64_t row = e.c * e.taps();
  Packer packer =
      PackBySegments(cut.segments, row, PackAndCheck(pack, check, cut.segments, row, builder.kernels(), verdict));
  LANEWISE_RETURN_IF_ERROR(PackWeights(step.inputs[1], spec.epilogue, form, cut.weights_size, std::move(packer),
                                       builder, &weights, verdict));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));
  const StepInfo info = ConvInfo("matrix bf16x3", e, p.bound);
  auto matrix = std::make_unique<MatrixStep>(spec, e, std::move(g), p.x, p.y, std::move(p.bound), cut.segments,
                                             weights.weights->data(), std::move(bias),
                                             std::max(1, builder.options().threads), *builder.kernels().matrix);
  builder.ReserveScratch(matrix->scratch());
  builder.Add(std::move(matrix), info);
  return Status::Ok();
}

}  // namespace lanewise
