// Convolution: the choice of form, and the dense one.
#include "core/conv.h"

#include <limits>
#include <string>

#include "core/build.h"
#include "core/pack.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

// Multiplies every input channel's packed weights with that channel's factor, a copy for each image.
class ScaleWeightsStep : public Step {
 public:
  ScaleWeightsStep(const KernelTable& kernels, std::shared_ptr<Buffer> weights, std::vector<Segment> segments,
                   int64_t channels, int64_t images, const Tensor& factors, int scaled)
      : scale_(kernels.scale_row),
        lanes_(kernels.lanes),
        weights_(std::move(weights)),
        segments_(std::move(segments)),
        channels_(channels),
        images_(images),
        factors_(factors),
        scaled_(scaled) {}

  size_t items() const override { return static_cast<size_t>(images_) * segments_.size(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNoShift = 0;
    for (size_t item = begin; item < end; ++item) {
      const size_t image = item / segments_.size();
      const Segment& s = segments_[item % segments_.size()];
      const float* from = weights_->data() + s.weights;
      const float* factors = context.Data(factors_.id) + static_cast<int64_t>(image) * factors_.shape[1];
      float* to = context.Data(scaled_) + image * weights_->size() + s.weights;
      const int64_t width = static_cast<int64_t>(s.vectors) * lanes_;
      for (int64_t c = 0; c < channels_; ++c, from += width, to += width)
        scale_(from, factors + c, &kNoShift, to, static_cast<size_t>(width), -kInfinity, kInfinity);
    }
  }

 private:
  ScaleRow scale_;
  int64_t lanes_;
  std::shared_ptr<Buffer> weights_;
  std::vector<Segment> segments_;
  int64_t channels_, images_;
  Tensor factors_;
  int scaled_;
};

// The first layers of a network have fewer channels than any vector has lanes; they read the caller's layout directly.
constexpr int64_t kFewChannels = 8;

Status CheckExtents(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder, ConvExtents* e) {
  const Shape& x = builder.shape(step.inputs[0]);
  const Shape& w = builder.shape(step.inputs[1]);
  const Shape& y = builder.shape(step.outputs[0]);
  if (x.size() != 4 || w.size() != 4 || y.size() != 4) return Status::Invalid(builder.Where() + ": expected rank 4");
  *e = {x[0], x[1], x[2], x[3], w[0], w[2], w[3], y[2], y[3], spec.groups, w[1], 0};
  if (spec.groups < 1 || e->c != w[1] * spec.groups || e->o % spec.groups != 0 || y[0] != e->n || y[1] != e->o) {
    return Status::Invalid(builder.Where() + ": channels and groups do not agree");
  }
  e->group_outputs = e->o / spec.groups;
  return Status::Ok();
}

// Runs of `count` input channels from `channel` on, for every tap, in the order (ky, kx, channel); of a plain tensor in
// the order (ky, channel, kx), where a row of taps is contiguous.
void AppendRuns(const Tensor& x, const Conv2dSpec& spec, const ConvExtents& e, int64_t channel,
                std::vector<Run>* runs) {
  const int64_t count = e.group_inputs;
  for (int64_t ky = 0; ky < e.kh; ++ky) {
    const int64_t row = ky * spec.dilations.h * x.row_stride;
    switch (x.layout) {
      case Layout::kPlain:
        for (int64_t c = channel; c < channel + count; ++c) {
          const int64_t plane = row + c * x.block_stride;
          if (spec.dilations.w == 1) {
            runs->push_back({plane, static_cast<size_t>(e.kw)});
          } else {
            for (int64_t kx = 0; kx < e.kw; ++kx) runs->push_back({plane + kx * spec.dilations.w, 1});
          }
        }
        break;
      case Layout::kNhwc:
        for (int64_t kx = 0; kx < e.kw; ++kx) {
          runs->push_back({row + kx * spec.dilations.w * x.pixel_stride + channel, static_cast<size_t>(count)});
        }
        break;
      case Layout::kBlocked:
        for (int64_t kx = 0; kx < e.kw; ++kx) {
          const int64_t tap = row + kx * spec.dilations.w * x.pixel_stride;
          for (int64_t c = channel; c < channel + count;) {
            const int64_t lane = c % x.lanes;
            const int64_t length = std::min<int64_t>(x.lanes - lane, channel + count - c);
            runs->push_back({tap + c / x.lanes * x.block_stride + lane, static_cast<size_t>(length)});
            c += length;
          }
        }
        break;
    }
  }
}

// Of a dense convolution.
ConvForm FormOf(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, const PlanBuilder& builder) {
  const int w = step.inputs[1];
  if (builder.options().strict || !builder.IsConstant(w) || builder.IsKeptDirect(w)) return {};
  const std::optional<ConvForm>& wanted = builder.options().form;
  return wanted && Fits(*wanted, spec, e, builder.kernels()) ? *wanted : ChooseForm(spec, e, builder.kernels());
}

// Whether the factor that Act::kScaledSilu wants can be in the weights: it reaches nothing but the sums of products.
// The weights are rounded once more.
bool MayScaleSums(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder) {
  const EpilogueSpec& epilogue = spec.epilogue;
  return epilogue.activation.kind == Act::kSilu && !builder.options().strict && builder.IsConstant(step.inputs[1]) &&
         epilogue.scale == kNone && (epilogue.residual == kNone || epilogue.add_after_activation);
}

// Whether the channels of the input may be added in any order, and at any places that are equal in rows and pixels.
bool MayScatter(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, const Halo& halo,
                const PlanBuilder& builder) {
  return !builder.options().strict && e.groups == 1 && e.taps() == 1 && halo.empty() && spec.pads.top >= 0 &&
         spec.pads.left >= 0 && builder.IsConstant(step.inputs[1]);
}

// Each of channels that are neighbours in a block; `sources` gets the tensors.
std::vector<Run> RunsOf(const std::vector<PlacedChannel>& channels,
                        std::vector<TileGeometry::RunSource>* sources = nullptr) {
  std::vector<Run> runs;
  const PlacedChannel* last = nullptr;
  for (const PlacedChannel& c : channels) {
    const Tensor& t = c.tensor;
    const bool neighbours = last != nullptr && last->tensor.id == t.id && last->at + 1 == c.at && c.at % t.lanes != 0;
    if (!neighbours) {
      runs.push_back({c.at / t.lanes * t.block_stride + c.at % t.lanes, 0});
      if (sources != nullptr) sources->push_back({t.id, t.image_stride});
    }
    ++runs.back().count;
    last = &c;
  }
  return runs;
}

// Every run begins with an address for each pixel, so that short ones cost more than the pass they save.
size_t MostScatteredRuns(int64_t channels) {
  constexpr int64_t kChannelsPerRun = 6;
  return std::min(kMaxScatteredRuns, static_cast<size_t>(channels / kChannelsPerRun));
}

// Scaling a weight costs as much as this many activations: those lie in the second cache and are scaled in long rows,
// weights come from further away, a call for each channel of a segment. With less at stake neither way won.
constexpr int64_t kWeightCost = 16;

Status BuildDense(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  const int lanes = builder.lanes();
  const Halo halo = BorderOf(spec, step, builder);
  const Layout had = builder.LayoutOf(step.inputs[0]);
  const bool direct = e.c < kFewChannels && had != Layout::kBlocked;
  Tensor x;
  std::vector<PlacedChannel> scattered;
  if (MayScatter(spec, e, step, halo, builder)) {
    LANEWISE_RETURN_IF_ERROR(builder.InScattered(step.inputs[0], &scattered));
    if (RunsOf(scattered).size() > MostScatteredRuns(e.c)) scattered.clear();
  }
  if (scattered.empty()) {
    LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], direct ? had : Layout::kBlocked, halo, spec.pad_value, &x));
  } else {
    x = scattered.front().tensor;
  }

  BoundEpilogue bound;
  LANEWISE_RETURN_IF_ERROR(BindEpilogue(spec.epilogue, e.o, Layout::kBlocked, builder, &bound));
  Tensor y;
  LANEWISE_RETURN_IF_ERROR(ConvOutput(spec.epilogue, step, builder, &y));

  TileGeometry g;
  g.images = e.n;
  g.rows = e.oh;
  g.cols = e.ow;
  g.lanes = lanes;
  g.x = GridOf(x);
  g.x.origin = -spec.pads.top * x.row_stride - spec.pads.left * x.pixel_stride;
  g.x.row_stride = spec.strides.h * x.row_stride;
  g.x.pixel_stride = spec.strides.w * x.pixel_stride;
  g.y = GridOf(y);
  g.residual = bound.residual;
  g.gate = bound.gate;
  g.depth = e.group_inputs * e.taps();
  g.x_row_elements = e.c * spec.strides.h * (x.w() + x.halo.left + x.halo.right);
  const bool whole_vectors = e.groups == 1 || e.group_outputs % lanes == 0;
  const TileChoice choice = builder.IsStrip(step.outputs[0])
                                ? ChooseTile(builder.kernels(), g.cols, e.group_outputs, g.depth)
                                : ChooseRows(builder.kernels(), e.group_outputs, whole_vectors, &g);
  SegmentPlan cut = CutSegments(e.o, e.groups, e.group_inputs, g.depth, choice.vectors, lanes, /*padded_output=*/true);
  int64_t group = -1;
  size_t first_run = 0, run_count = 0;
  for (Segment& s : cut.segments) {
    if (s.input_channel != group) {
      group = s.input_channel;
      first_run = g.runs.size();
      if (scattered.empty()) {
        AppendRuns(x, spec, e, s.input_channel, &g.runs);
      } else {
        g.runs = RunsOf(scattered, &g.run_sources);
      }
      run_count = g.runs.size() - first_run;
    }
    s.first_run = first_run;
    s.run_count = run_count;
  }
  g.segments = cut.segments;

  // A weight's place among its output channel's run elements depends on the order of the runs only.
  const bool columns_inside = x.layout == Layout::kPlain;
  std::string form = "tile " + std::to_string(lanes) + "x" + std::to_string(choice.vectors) + " groups " +
                     std::to_string(e.groups) + (columns_inside ? " columns" : "");
  std::vector<int64_t> order;
  for (const PlacedChannel& c : scattered) {
    order.push_back(c.channel);
    form += (order.size() == 1 ? " order " : ",") + std::to_string(c.channel);
  }
  Packer packer = scattered.empty() ? PackFilters(cut.segments, {e.group_inputs, e.kh, e.kw, columns_inside}, lanes,
                                                  builder.kernels().transpose)
                                    : PackOrdered(cut.segments, order, lanes, builder.kernels().transpose);
  PackedWeights weights;
  LANEWISE_RETURN_IF_ERROR(
      PackWeights(step.inputs[1], spec.epilogue, form, cut.weights_size, std::move(packer), builder, &weights));
  Tensor factors, scaled;
  if (builder.DeferredScale(step.inputs[0], &factors)) {
    const auto size = static_cast<int64_t>(cut.weights_size);
    LANEWISE_RETURN_IF_ERROR(builder.Temporary({e.n, size}, Layout::kPlain, &scaled));
    builder.Add(std::make_unique<ScaleWeightsStep>(builder.kernels(), weights.weights, cut.segments, e.c, e.n, factors,
                                                   scaled.id),
                {"", "", "weights scaled", 0, BytesOf(scaled) * 2});
    for (int64_t image = 0; image < e.n; ++image) g.weights_image_offsets.push_back(image * size);
    weights.grid.tensor = scaled.id;
  }
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));

  const int64_t pixels = (g.cols + choice.tiles - 1) / choice.tiles;
  const std::string tiles = "tile " + std::to_string(pixels) + "x" + std::to_string(choice.vectors);
  const StepInfo info = ConvInfo(scattered.empty() ? tiles : tiles + " scattered", e, bound);
  g.threads = builder.options().threads;
  auto tile = std::make_unique<TileStep>(builder.kernels(), std::move(g), choice, weights.weights, bias, bound.epilogue,
                                         bound.keep);
  tile->ReadWeightsFrom(weights.grid);
  builder.Add(std::move(tile), info);
  return Status::Ok();
}

}  // namespace

bool IsPlanewise(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder) {
  ConvExtents e;
  if (!builder.IsConstant(step.inputs[1]) || !CheckExtents(spec, step, builder, &e).ok()) return false;
  return IsDepthwise(e) || FitsPermutedGroups(e);
}

bool IsDirectDense(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder) {
  ConvExtents e;
  if (!builder.IsConstant(step.inputs[1]) || !CheckExtents(spec, step, builder, &e).ok()) return false;
  return !IsDepthwise(e) && !FitsPermutedGroups(e) && FormOf(spec, e, step, builder).kind == ConvForm::kDirect;
}

Halo BorderOf(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder) {
  ConvExtents e;
  if (CheckExtents(spec, step, builder, &e).ok() && IsDepthwiseSquare(spec, e)) return {};
  return ConvHalo(spec, builder.shape(step.inputs[0]), builder.shape(step.inputs[1]), builder.shape(step.outputs[0]));
}

bool IsDepthwise(const ConvExtents& e) { return e.group_inputs == 1 && e.group_outputs == 1 && e.groups > 1; }

bool ScalesItsWeights(const StepSpec& reader, const PlanBuilder& builder) {
  const auto* spec = std::get_if<Conv2dSpec>(&reader.spec);
  ConvExtents e;
  if (spec == nullptr || builder.options().strict || !CheckExtents(*spec, reader, builder, &e).ok()) return false;
  const bool pointwise = e.groups == 1 && e.taps() == 1 && BorderOf(*spec, reader, builder).empty();
  return pointwise && builder.IsConstant(reader.inputs[1]) && e.o * kWeightCost <= e.h * e.w &&
         FormOf(*spec, e, reader, builder).kind == ConvForm::kDirect;
}

bool FitsPermutedGroups(const ConvExtents& e) {
  if (e.groups == 1) return false;
  for (const int64_t lanes : {8, 16}) {
    for (int64_t first = 0; first < e.o; first += lanes) {
      const int64_t last = std::min(first + lanes, e.o) - 1;
      const int64_t first_input = first / e.group_outputs * e.group_inputs;
      const int64_t last_input = last / e.group_outputs * e.group_inputs + e.group_inputs - 1;
      if (first_input / lanes != last_input / lanes) return false;
    }
  }
  return true;
}

Status ConvOutput(const EpilogueSpec& epilogue, const StepSpec& step, PlanBuilder& builder, Tensor* y) {
  Tensor residual;
  const bool reusable =
      epilogue.residual != kNone && !epilogue.add_after_activation && epilogue.residual != step.inputs[0];
  if (reusable) LANEWISE_RETURN_IF_ERROR(builder.In(epilogue.residual, Layout::kBlocked, &residual));
  return builder.Out(step.outputs[0], Layout::kBlocked, reusable ? &residual : nullptr, y);
}

Status BindPlanes(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder,
                  PlaneOperands* operands) {
  const Halo border = BorderOf(spec, step, builder);
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, border, spec.pad_value, &operands->x));
  LANEWISE_RETURN_IF_ERROR(BindEpilogue(spec.epilogue, e.o, Layout::kBlocked, builder, &operands->bound));
  return ConvOutput(spec.epilogue, step, builder, &operands->y);
}

StepInfo ConvInfo(std::string kernel, const ConvExtents& e, const BoundEpilogue& bound) {
  StepInfo info;
  info.kernel = std::move(kernel);
  info.macs = e.macs();
  info.bytes = 4 * (e.n * e.c * e.h * e.w + e.n * e.o * e.oh * e.ow + e.o * e.group_inputs * e.taps()) + bound.bytes;
  return info;
}

Status BindEpilogue(const EpilogueSpec& spec, int64_t channels, Layout layout, PlanBuilder& builder,
                    BoundEpilogue* bound) {
  const int64_t lanes = builder.lanes();
  // One more block than the channels fill: a segment may begin inside a block and load a whole vector.
  const auto padded = static_cast<size_t>((channels + lanes - 1) / lanes * lanes + lanes);
  const auto vector = [&](int v, const float** data) -> Status {
    if (v == kNone) return Status::Ok();
    if (!builder.IsConstant(v))
      return Status::Unsupported(builder.Where() + ": per-channel operands must be constants");
    const int64_t count = ElementCount(builder.shape(v));
    if (count != channels && count != 1) {
      return Status::Invalid(builder.Where() + ": expected 1 or " + std::to_string(channels) +
                             " per-channel values, got " + std::to_string(count));
    }
    std::shared_ptr<Buffer> buffer;
    LANEWISE_RETURN_IF_ERROR(builder.Pack(v, "channels " + std::to_string(padded), padded,
                                          Packer([channels, count](const float* values, float* out) {
                                            for (int64_t c = 0; c < channels; ++c) out[c] = values[count == 1 ? 0 : c];
                                          }),
                                          &buffer));
    *data = buffer->data();
    bound->keep.push_back(std::move(buffer));
    return Status::Ok();
  };
  LANEWISE_RETURN_IF_ERROR(vector(spec.scale, &bound->epilogue.scale));
  LANEWISE_RETURN_IF_ERROR(vector(spec.shift, &bound->epilogue.shift));
  LANEWISE_RETURN_IF_ERROR(vector(spec.slope, &bound->epilogue.slope));
  if ((spec.scale == kNone) != (spec.shift == kNone)) {
    return Status::Invalid(builder.Where() + ": scale and shift come together");
  }
  bound->epilogue.activation = spec.activation;
  if (spec.activation.kind == Act::kPrelu && spec.slope == kNone) {
    return Status::Invalid(builder.Where() + ": prelu without slope");
  }
  bound->epilogue.add_after_activation = spec.add_after_activation;
  const auto grid = [&](int v, PixelGrid* out) -> Status {
    if (v == kNone) return Status::Ok();
    Tensor t;
    LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &t));
    *out = GridOf(t);
    const Shape& y = builder.shape(builder.current().outputs[0]);
    if (t.shape != y) {
      const bool per_channel = layout == Layout::kBlocked && t.shape.size() == 4 && y.size() == 4 &&
                               t.shape[0] == y[0] && t.shape[1] == y[1] && t.shape[2] == 1 && t.shape[3] == 1;
      if (!per_channel || v != spec.gate) {
        return Status::Invalid(builder.Where() + ": residual and gate must have the shape of the output");
      }
      out->row_stride = out->pixel_stride = 0;
    }
    bound->bytes += 4 * ElementCount(t.shape);
    return Status::Ok();
  };
  LANEWISE_RETURN_IF_ERROR(grid(spec.residual, &bound->residual));
  return grid(spec.gate, &bound->gate);
}

Status Build(const Conv2dSpec& given, const StepSpec& step, PlanBuilder& builder) {
  Conv2dSpec spec = given;
  if (MayScaleSums(given, step, builder)) spec.epilogue.activation.kind = Act::kScaledSilu;
  ConvExtents e;
  LANEWISE_RETURN_IF_ERROR(CheckExtents(spec, step, builder, &e));
  if (IsDepthwise(e)) return BuildDepthwise(spec, e, step, builder);
  if (FitsPermutedGroups(e)) return BuildPermutedGroups(spec, e, step, builder);
  const ConvForm form = FormOf(spec, e, step, builder);
  switch (form.kind) {
    case ConvForm::kDirect: return BuildDense(spec, e, step, builder);
    case ConvForm::kWinograd: return BuildWinograd(form.winograd, spec, e, step, builder);
    case ConvForm::kStrassen: return BuildStrassen(spec, e, step, builder);
    case ConvForm::kMatrix: return BuildMatrix(spec, e, step, builder);
  }
  return Status::Internal("conv form");
}

}  // namespace lanewise
