// Scale and shift per channel, and squeeze-and-excitation, which ends in one. Blocked rows repeat one vector of factors
// per pixel; plain planes take one factor each; plain tensors without pixels take a row of them.
#include <memory>
#include <string>
#include <vector>

#include "core/build.h"
#include "core/conv.h"
#include "core/reduce.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

int64_t WholeBlocks(int64_t channels, int64_t lanes) { return (channels + lanes - 1) / lanes * lanes; }

// factors[c] = values[c / (channels / count)] for c < channels, `repeats` times.
void SpreadFactors(const float* values, int64_t count, int64_t channels, int64_t repeats, float* factors) {
  const int64_t share = channels / count;
  for (int64_t r = 0; r < repeats; ++r) {
    for (int64_t c = 0; c < channels; ++c) *factors++ = values[c / share];
  }
}

// The factors of every channel from values computed at run time.
class SpreadStep final : public Step {
 public:
  SpreadStep(int values, int64_t count, int64_t channels, int64_t repeats, int factors)
      : values_(values), factors_(factors), count_(count), channels_(channels), repeats_(repeats) {}
  size_t items() const override { return 1; }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    if (begin < end) SpreadFactors(context.Data(values_), count_, channels_, repeats_, context.Data(factors_));
  }

 private:
  int values_, factors_;
  int64_t count_, channels_, repeats_;
};

// One vector of factors for every pixel of a block.
class ScaleBlockedStep final : public Step {
 public:
  ScaleBlockedStep(const KernelTable& kernels, const Activation& activation, const Tensor& x, const Tensor& y,
                   Source scale, Source shift, int64_t scale_image_stride)
      : kernel_(kernels.scale_lanes),
        activation_(ClampOrPassOf(kernels, activation)),
        x_(x.id),
        y_(y.id),
        scale_(std::move(scale)),
        shift_(std::move(shift)) {
    // The third operand counts channels, so that one loop finds the factors of a row too.
    const std::vector<Extent> xs = MemoryExtents(x), ys = MemoryExtents(y);
    const int64_t channel[4] = {WholeBlocks(x.c(), x.lanes), x.lanes, 0, 0};
    std::vector<RowAxis> axes;
    for (size_t i = 0; i < 4; ++i) axes.push_back({xs[i].size, {xs[i].stride, ys[i].stride, channel[i]}});
    loop_ = RowLoop(axes);
    channels_ = channel[0];
    scale_image_stride_ = scale_image_stride;
  }

  size_t items() const override { return loop_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    const float* scale = scale_.Data(context);
    const float* shift = shift_.Data(context);
    loop_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      const int64_t image = at[2] / channels_, channel = at[2] % channels_;
      kernel_(x + at[0], scale + image * scale_image_stride_ + channel, shift + channel, y + at[1],
              static_cast<size_t>(n), activation_.lo, activation_.hi);
      activation_.Apply(y + at[1], n);
    });
  }

 private:
  ScaleRow kernel_;
  RowActivation activation_;
  int x_, y_;
  Source scale_, shift_;
  RowLoop loop_;
  int64_t channels_ = 1, scale_image_stride_ = 0;
};

// One factor for every plane.
class ScalePlaneStep final : public Step {
 public:
  ScalePlaneStep(const KernelTable& kernels, const Activation& activation, const Tensor& x, const Tensor& y,
                 Source scale, Source shift)
      : kernel_(kernels.scale_row),
        activation_(ClampOrPassOf(kernels, activation)),
        x_(x.id),
        y_(y.id),
        scale_(std::move(scale)),
        shift_(std::move(shift)) {
    const std::vector<Extent> xs = PlainExtents(x), ys = PlainExtents(y);
    std::vector<RowAxis> axes;
    for (size_t i = 0; i < xs.size(); ++i) axes.push_back({xs[i].size, {xs[i].stride, ys[i].stride, i == 1 ? 1 : 0}});
    loop_ = RowLoop(axes);
    loop_.RequireUnitStrides();
  }

  size_t items() const override { return loop_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    const float* scale = scale_.Data(context);
    const float* shift = shift_.Data(context);
    loop_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      kernel_(x + at[0], scale + at[2], shift + at[2], y + at[1], static_cast<size_t>(n), activation_.lo,
              activation_.hi);
      activation_.Apply(y + at[1], n);
    });
  }

 private:
  ScaleRow kernel_;
  RowActivation activation_;
  int x_, y_;
  Source scale_, shift_;
  RowLoop loop_;
};

// Channels lie side by side, in channels-last images and in plain tensors of one element per channel: pixels in rows,
// with a factor for every element of some whole pixels.
class ScaleElementsStep final : public Step {
 public:
  // `period`: elements of the factors, a multiple of the channels.
  ScaleElementsStep(const KernelTable& kernels, const Activation& activation, const Tensor& x, const Tensor& y,
                    Source scale, Source shift, int64_t period)
      : kernel_(kernels.normalize_row),
        activation_(PassOf(kernels, activation)),
        x_(x.id),
        y_(y.id),
        scale_(std::move(scale)),
        shift_(std::move(shift)),
        period_(period) {
    const std::vector<Extent> xs = MemoryExtents(x), ys = MemoryExtents(y);
    std::vector<RowAxis> axes;
    for (size_t i = 0; i < xs.size(); ++i) axes.push_back({xs[i].size, {xs[i].stride, ys[i].stride, xs[i].stride}});
    // Pieces of a row begin where the factors do.
    loop_ = RowLoop(axes, (kRowChunk + period - 1) / period * period);
  }

  size_t items() const override { return loop_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    const float* scale = scale_.Data(context);
    const float* shift = shift_.Data(context);
    loop_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      for (int64_t i = 0; i < n; i += period_) {
        const auto length = static_cast<size_t>(std::min(period_, n - i));
        kernel_(x + at[0] + i, y + at[1] + i, length, 0.f, 1.f, scale, shift);
      }
      activation_.Apply(y + at[1], n);
    });
  }

 private:
  NormalizeRow kernel_;
  RowActivation activation_;
  int x_, y_;
  Source scale_, shift_;
  RowLoop loop_;
  int64_t period_;
};

// A dense layer on one vector per image: y = activation(weights*x + bias) + offset, four blocks of outputs an item.
class DenseStep final : public Step {
 public:
  DenseStep(const KernelTable& kernels, const Activation& activation, int x, int64_t x_stride, int64_t depth, int y,
            int64_t outputs, int64_t images, std::shared_ptr<Buffer> weights, std::shared_ptr<Buffer> bias,
            float offset = 0)
      : kernel_(kernels.dense_row),
        activation_(PassOf(kernels, activation)),
        lanes_(kernels.lanes),
        x_(x),
        y_(y),
        x_stride_(x_stride),
        depth_(depth),
        blocks_((outputs + lanes_ - 1) / lanes_),
        images_(images),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        offset_(offset) {}

  WeightSpan weights() const override { return SpanOf(weights_); }
  size_t items() const override { return static_cast<size_t>(images_ * Strips()); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t item = begin; item < end; ++item) {
      const int64_t image = static_cast<int64_t>(item) / Strips();
      const int64_t first = static_cast<int64_t>(item) % Strips() * 4;
      const int64_t blocks = std::min<int64_t>(4, blocks_ - first);
      float* y = context.Data(y_) + (image * blocks_ + first) * lanes_;
      kernel_(context.Data(x_) + image * x_stride_, static_cast<size_t>(depth_),
              weights_->data() + first * depth_ * lanes_, bias_->data() + first * lanes_, y,
              static_cast<size_t>(blocks));
      activation_.Apply(y, blocks * lanes_);
      if (offset_ == 0) continue;
      for (int64_t i = 0; i < blocks * lanes_; ++i) y[i] += offset_;
    }
  }

 private:
  int64_t Strips() const { return (blocks_ + 3) / 4; }

  DenseRow kernel_;
  RowActivation activation_;
  int64_t lanes_;
  int x_, y_;
  int64_t x_stride_, depth_, blocks_, images_;
  std::shared_ptr<Buffer> weights_, bias_;
  float offset_;
};

// The factors of all channels, several times over, in a buffer of `size`. `v` may be kNone: zeros.
Status PlaceFactors(PlanBuilder& builder, int v, int64_t channels, int64_t repeats, int64_t size, Source* factors) {
  if (v == kNone) {
    factors->constant = std::make_shared<Buffer>();
    return factors->constant->Allocate(static_cast<size_t>(size), true);
  }
  const int64_t count = ElementCount(builder.shape(v));
  if (count < 1 || channels % count != 0)
    return Status::Invalid(builder.Where() + ": " + std::to_string(count) + " factors for " + std::to_string(channels) +
                           " channels");
  if (builder.IsConstant(v)) {
    return builder.Pack(v,
                        "factors of " + std::to_string(channels) + " channels " + std::to_string(repeats) +
                            " times in " + std::to_string(size),
                        static_cast<size_t>(size), Packer([=](const float* data, float* out) {
                          SpreadFactors(data, count, channels, repeats, out);
                        }),
                        &factors->constant);
  }
  Tensor values, spread;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &values));
  LANEWISE_RETURN_IF_ERROR(builder.Temporary({size}, Layout::kPlain, &spread));
  const StepSpec& step = builder.current();
  builder.Add(std::make_unique<SpreadStep>(values.id, count, channels, repeats, spread.id),
              {step.name, step.op, "factors", 0, (count + size) * 4});
  factors->tensor = spread.id;
  return Status::Ok();
}

// Weights [outputs, depth] as [block of outputs][depth][lanes], the bias in whole blocks.
Status PackDense(PlanBuilder& builder, int weights, int bias, int64_t outputs, int64_t depth,
                 std::shared_ptr<Buffer>* packed_weights, std::shared_ptr<Buffer>* packed_bias) {
  if (!builder.IsConstant(weights) || !builder.IsConstant(bias))
    return Status::Unsupported(builder.Where() + ": the weights of the dense layers have to be constants");
  if (ElementCount(builder.shape(weights)) != outputs * depth || ElementCount(builder.shape(bias)) != outputs)
    return Status::Invalid(builder.Where() + ": the weights do not fit " + std::to_string(depth) + " -> " +
                           std::to_string(outputs) + " channels");
  const int64_t lanes = builder.lanes(), padded = WholeBlocks(outputs, lanes);
  LANEWISE_RETURN_IF_ERROR(builder.Pack(weights, "dense rows by " + std::to_string(lanes),
                                        static_cast<size_t>(padded * depth), Packer([=](const float* w, float* out) {
                                          for (int64_t o = 0; o < outputs; ++o)
                                            for (int64_t k = 0; k < depth; ++k)
                                              out[(o / lanes * depth + k) * lanes + o % lanes] = w[o * depth + k];
                                        }),
                                        packed_weights));
  return builder.Pack(bias, "factors of " + std::to_string(outputs) + " channels 1 times in " + std::to_string(padded),
                      static_cast<size_t>(padded),
                      Packer([=](const float* b, float* out) { SpreadFactors(b, outputs, outputs, 1, out); }),
                      packed_bias);
}

}  // namespace

Status Build(const ScaleSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& shape = builder.shape(v);
  if (shape.size() < 2) return Status::Unsupported(builder.Where() + ": a tensor without a channel axis");
  const int64_t channels = shape[1];
  const bool blocked = builder.IsBlocked(v), last = builder.LayoutOf(v) == Layout::kNhwc;
  const bool side_by_side = last || (channels > 1 && ElementCount(shape) == shape[0] * channels);
  // Enough elements for a call of the kernel.
  constexpr int64_t kPeriod = 512;
  const int64_t repeats = side_by_side && !blocked ? std::max<int64_t>(1, kPeriod / std::max<int64_t>(1, channels)) : 1;
  const int64_t size = blocked ? WholeBlocks(channels, builder.lanes()) : channels * repeats;
  Source scale, shift;
  LANEWISE_RETURN_IF_ERROR(PlaceFactors(builder, step.inputs[1], channels, repeats, size, &scale));
  LANEWISE_RETURN_IF_ERROR(
      PlaceFactors(builder, step.inputs.size() > 2 ? step.inputs[2] : kNone, channels, repeats, size, &shift));
  const Layout layout = blocked ? Layout::kBlocked : last ? Layout::kNhwc : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &x, &y));
  const StepInfo info{step.name, step.op, blocked ? "rows blocked" : "rows", ElementCount(shape), BytesOf(x) * 2};
  const KernelTable& kernels = builder.kernels();
  if (blocked)
    builder.Add(std::make_unique<ScaleBlockedStep>(kernels, spec.activation, x, y, scale, shift, 0), info);
  else if (side_by_side)
    builder.Add(
        std::make_unique<ScaleElementsStep>(kernels, spec.activation, x, y, scale, shift, std::max<int64_t>(1, size)),
        info);
  else
    builder.Add(std::make_unique<ScalePlaneStep>(kernels, spec.activation, x, y, scale, shift), info);
  return Status::Ok();
}

Status Build(const SqueezeExciteSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& shape = builder.shape(step.inputs[0]);
  const int64_t images = shape[0], channels = shape[1], lanes = builder.lanes();
  const Shape& w1 = builder.shape(step.inputs[1]);
  if (w1.empty() || w1[0] < 1 || channels < 1)
    return Status::Unsupported(builder.Where() + ": squeeze-and-excitation without channels");
  const int64_t squeezed = w1[0];
  std::shared_ptr<Buffer> weights[2], bias[2];
  LANEWISE_RETURN_IF_ERROR(
      PackDense(builder, step.inputs[1], step.inputs[2], squeezed, channels, &weights[0], &bias[0]));
  LANEWISE_RETURN_IF_ERROR(
      PackDense(builder, step.inputs[3], step.inputs[4], channels, squeezed, &weights[1], &bias[1]));

  Tensor x, y, mean, hidden, gate;
  const int64_t padded = WholeBlocks(channels, lanes), padded_hidden = WholeBlocks(squeezed, lanes);
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Temporary({images, channels}, Layout::kPlain, &mean));
  LANEWISE_RETURN_IF_ERROR(builder.Temporary({images, padded_hidden}, Layout::kPlain, &hidden));
  LANEWISE_RETURN_IF_ERROR(builder.Temporary({images, padded}, Layout::kPlain, &gate));
  const KernelTable& kernels = builder.kernels();
  const int64_t macs = images * channels * squeezed;
  builder.Add(MakePlaneReduce(kernels, Reduce::kMean, x, mean.id, channels, 1),
              {step.name, step.op, "planes blocked", 0, BytesOf(x)});
  builder.Add(std::make_unique<DenseStep>(kernels, spec.activation, mean.id, channels, channels, hidden.id, squeezed,
                                          images, weights[0], bias[0]),
              {step.name, step.op, "dense rows", macs, channels * squeezed * 4});
  builder.Add(std::make_unique<DenseStep>(kernels, spec.gate, hidden.id, padded_hidden, squeezed, gate.id, channels,
                                          images, weights[1], bias[1], spec.add_input ? 1.f : 0.f),
              {step.name, step.op, "dense rows", macs, channels * squeezed * 4});
  const StepSpec* reader = builder.SoleReader(step.outputs[0]);
  if (reader != nullptr && builder.DiesHere(step.inputs[0]) && ScalesItsWeights(*reader, builder)) {
    builder.DeferScale(step.outputs[0], x, gate);
    return Status::Ok();
  }
  Source shift;
  LANEWISE_RETURN_IF_ERROR(PlaceFactors(builder, kNone, channels, 1, padded, &shift));
  // Declared last: the mean has read x by then, so the product may take its place.
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kBlocked, &x, &y));
  builder.Add(std::make_unique<ScaleBlockedStep>(kernels, Activation{}, x, y, Source{gate.id, nullptr}, shift, padded),
              {step.name, step.op, "rows blocked", 0, BytesOf(x) * 2});
  return Status::Ok();
}

}  // namespace lanewise
