// Layer, group and instance normalisation: mean, then the sum of squared distances from it (two passes: no
// cancellation), then x*scale + shift. Statistics join in double.
//
//   layer, plain        one row of x per normalised set, gamma and beta element by element
//   group, plain        one factor per plane
//   group, blocked      lane by lane: the channels of a group are lanes, of one block or of several
#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/build.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

float Rstd(double squares, int64_t count, double epsilon) {
  return static_cast<float>(1 / std::sqrt(squares / static_cast<double>(count) + epsilon));
}

// Statistics of the rows of `set`, whose first operand is x.
void Moments(const KernelTable& kernels, const float* x, const RowLoop& set, int64_t count, double epsilon, float* mean,
             float* rstd) {
  double sum = 0, squares = 0;
  set.RunAll([&](const int64_t* at, int64_t n) {
    sum += kernels.fold_row[static_cast<int>(Fold::kSum)](x + at[0], static_cast<size_t>(n), 0.f);
  });
  *mean = static_cast<float>(sum / static_cast<double>(count));
  set.RunAll([&](const int64_t* at, int64_t n) {
    squares += kernels.fold_row[static_cast<int>(Fold::kSumSquares)](x + at[0], static_cast<size_t>(n), *mean);
  });
  *rstd = Rstd(squares, count, epsilon);
}

class LayerNormStep final : public Step {
 public:
  // Operands of `sets`: x, y. Operands of `set`: x, y, gamma.
  LayerNormStep(const KernelTable& kernels, const NormalizeSpec& spec, int x, int y, Source gamma, Source beta,
                int64_t count, RowLoop sets, RowLoop set)
      : kernels_(kernels),
        activation_(PassOf(kernels, spec.activation)),
        epsilon_(spec.epsilon),
        x_(x),
        y_(y),
        gamma_(std::move(gamma)),
        beta_(std::move(beta)),
        count_(count),
        sets_(std::move(sets)),
        set_(std::move(set)) {}

  size_t items() const override { return sets_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const bool affine = gamma_.tensor != kNone;
    const float* gamma = affine ? gamma_.Data(context) : nullptr;
    const float* beta = affine ? beta_.Data(context) : nullptr;
    sets_.Run(begin, end, [&](const int64_t* first, int64_t sets) {
      for (int64_t i = 0; i < sets; ++i) {
        const float* x = context.Data(x_) + first[0] + i * sets_.row_stride(0);
        float* y = context.Data(y_) + first[1] + i * sets_.row_stride(1);
        float mean, rstd;
        Moments(kernels_, x, set_, count_, epsilon_, &mean, &rstd);
        set_.RunAll([&](const int64_t* at, int64_t n) {
          kernels_.normalize_row(x + at[0], y + at[1], static_cast<size_t>(n), mean, rstd,
                                 affine ? gamma + at[2] : nullptr, affine ? beta + at[2] : nullptr);
          activation_.Apply(y + at[1], n);
        });
      }
    });
  }

 private:
  const KernelTable& kernels_;
  RowActivation activation_;
  double epsilon_;
  int x_, y_;
  Source gamma_, beta_;
  int64_t count_;
  RowLoop sets_, set_;
};

struct GroupNorm {
  const KernelTable& kernels;
  RowActivation activation;
  double epsilon;
  Source gamma, beta;  // no tensor: none
  int64_t group_channels;

  bool affine() const { return gamma.tensor != kNone; }
};

class GroupNormPlainStep final : public Step {
 public:
  GroupNormPlainStep(GroupNorm norm, const Tensor& x, const Tensor& y) : norm_(std::move(norm)), x_(x.id), y_(y.id) {
    const std::vector<Extent> xs = PlainExtents(x), ys = PlainExtents(y);
    images_ = xs[0];
    y_images_ = ys[0];
    channels_ = xs[1];
    y_channels_ = ys[1];
    std::vector<RowAxis> plane, group;
    group.push_back({norm_.group_channels, {channels_.stride, 0, 0}});
    for (size_t i = 2; i < xs.size(); ++i) {
      plane.push_back({xs[i].size, {xs[i].stride, ys[i].stride, 0}});
      group.push_back({xs[i].size, {xs[i].stride, 0, 0}});
      count_ *= xs[i].size;
    }
    count_ *= norm_.group_channels;
    plane_ = RowLoop(plane, kUncut);
    plane_.RequireUnitStrides();
    group_ = RowLoop(group, kUncut);
    group_.RequireUnitStrides();
  }

  size_t items() const override {
    return count_ == 0 ? 0 : static_cast<size_t>(images_.size * (channels_.size / norm_.group_channels));
  }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const int64_t groups = channels_.size / norm_.group_channels;
    for (size_t item = begin; item < end; ++item) {
      const int64_t image = static_cast<int64_t>(item) / groups;
      const int64_t first = static_cast<int64_t>(item) % groups * norm_.group_channels;
      const float* x = context.Data(x_) + image * images_.stride + first * channels_.stride;
      float* y = context.Data(y_) + image * y_images_.stride + first * y_channels_.stride;
      float mean, rstd;
      Moments(norm_.kernels, x, group_, count_, norm_.epsilon, &mean, &rstd);
      for (int64_t c = 0; c < norm_.group_channels; ++c) {
        const float scale = norm_.affine() ? norm_.gamma.Data(context)[first + c] * rstd : rstd;
        const float shift = (norm_.affine() ? norm_.beta.Data(context)[first + c] : 0.f) - mean * scale;
        plane_.RunAll([&](const int64_t* at, int64_t n) {
          float* out = y + c * y_channels_.stride + at[1];
          norm_.kernels.scale_row(x + c * channels_.stride + at[0], &scale, &shift, out, static_cast<size_t>(n),
                                  norm_.activation.lo, norm_.activation.hi);
          norm_.activation.Apply(out, n);
        });
      }
    }
  }

 private:
  GroupNorm norm_;
  int x_, y_;
  Extent images_, channels_, y_images_, y_channels_;
  int64_t count_ = 1;
  RowLoop plane_, group_;
};

// One item normalises the least number of channels that is whole groups and whole blocks (or all of them).
class GroupNormBlockedStep final : public Step {
 public:
  GroupNormBlockedStep(GroupNorm norm, const Tensor& x, const Tensor& y) : norm_(std::move(norm)), x_(x), y_(y) {
    span_ = std::lcm(norm_.group_channels, static_cast<int64_t>(x.lanes)) / x.lanes;
    span_ = std::max<int64_t>(1, std::min(span_, x.blocks()));  // also of no channels
  }
  // Floats of scratch: sums, squares or scale, shift, for the channels of an item.
  size_t scratch() const { return static_cast<size_t>(3 * span_ * x_.lanes); }

  size_t items() const override {
    return x_.h() * x_.w() == 0 ? 0 : static_cast<size_t>(x_.n() * ((x_.blocks() + span_ - 1) / span_));
  }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const int64_t spans = (x_.blocks() + span_ - 1) / span_;
    for (size_t item = begin; item < end; ++item)
      RunSpan(context, static_cast<int64_t>(item) / spans, static_cast<int64_t>(item) % spans * span_);
  }

 private:
  void RunSpan(const RunContext& context, int64_t image, int64_t first) const {
    const int64_t blocks = std::min(span_, x_.blocks() - first), lanes = x_.lanes;
    const int64_t channels = std::min(blocks * lanes, x_.c() - first * lanes), size = norm_.group_channels;
    const float* x = context.Data(x_.id) + image * x_.image_stride + first * x_.block_stride;
    float* y = context.Data(y_.id) + image * y_.image_stride + first * y_.block_stride;
    float* scale = context.scratch;
    float* shift = scale + span_ * lanes;
    float* center = shift + span_ * lanes;
    const int64_t count = size * x_.h() * x_.w();
    FoldBlocks(Fold::kSum, x, blocks, nullptr, scale);
    std::fill_n(center, blocks * lanes, 0.f);
    for (int64_t c = 0; c < channels; c += size) {
      double sum = 0;
      for (int64_t i = 0; i < size; ++i) sum += static_cast<double>(scale[c + i]);
      std::fill_n(center + c, size, static_cast<float>(sum / static_cast<double>(count)));
    }
    FoldBlocks(Fold::kSumSquares, x, blocks, center, scale);
    for (int64_t c = 0; c < channels; c += size) {
      double squares = 0;
      for (int64_t i = 0; i < size; ++i) squares += static_cast<double>(scale[c + i]);
      const float rstd = Rstd(squares, count, norm_.epsilon);
      for (int64_t i = c; i < c + size; ++i) {
        const int64_t channel = first * lanes + i;
        scale[i] = norm_.affine() ? norm_.gamma.Data(context)[channel] * rstd : rstd;
        shift[i] = (norm_.affine() ? norm_.beta.Data(context)[channel] : 0.f) - center[i] * scale[i];
      }
    }
    // Lanes past the last channel hold what scratch held; NaN there would slow nothing, but denormals might.
    std::fill(scale + channels, scale + blocks * lanes, 0.f);
    std::fill(shift + channels, shift + blocks * lanes, 0.f);
    for (int64_t b = 0; b < blocks; ++b) {
      for (int64_t row = 0; row < x_.h(); ++row) {
        float* out = y + b * y_.block_stride + row * y_.row_stride;
        const int64_t n = x_.w() * lanes;
        norm_.kernels.scale_lanes(x + b * x_.block_stride + row * x_.row_stride, scale + b * lanes, shift + b * lanes,
                                  out, static_cast<size_t>(n), norm_.activation.lo, norm_.activation.hi);
        norm_.activation.Apply(out, n);
      }
    }
  }
  void FoldBlocks(Fold fold, const float* x, int64_t blocks, const float* center, float* out) const {
    for (int64_t b = 0; b < blocks; ++b)
      norm_.kernels.fold_plane[static_cast<int>(fold)](
          x + b * x_.block_stride, x_.row_stride, static_cast<size_t>(x_.h()), static_cast<size_t>(x_.w()),
          center == nullptr ? nullptr : center + b * x_.lanes, out + b * x_.lanes);
  }

  GroupNorm norm_;
  Tensor x_, y_;
  int64_t span_;
};

Status BuildLayer(const NormalizeSpec& spec, const StepSpec& step, PlanBuilder& builder, const Source& gamma,
                  const Source& beta) {
  const int rank = static_cast<int>(builder.shape(step.inputs[0]).size());
  const int axis = spec.axis < 0 ? spec.axis + rank : spec.axis;
  if (axis < 0 || axis >= rank)
    return Status::Invalid(builder.Where() + ": axis " + std::to_string(spec.axis) + " of a tensor of rank " +
                           std::to_string(rank));
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &x, &y));
  const std::vector<Extent> xs = PlainExtents(x), ys = PlainExtents(y);
  std::vector<RowAxis> outer, inner;
  int64_t count = 1;
  for (size_t i = static_cast<size_t>(axis); i < xs.size(); ++i) count *= xs[i].size;
  if (step.inputs.size() > 1 &&
      (ElementCount(builder.shape(step.inputs[1])) != count || ElementCount(builder.shape(step.inputs[2])) != count))
    return Status::Invalid(builder.Where() + ": gamma and beta do not have the shape of the normalised axes");
  int64_t rest = count;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (static_cast<int>(i) < axis) {
      outer.push_back({xs[i].size, {xs[i].stride, ys[i].stride, 0}});
    } else {
      rest = xs[i].size == 0 ? 0 : rest / xs[i].size;
      inner.push_back({xs[i].size, {xs[i].stride, ys[i].stride, rest}});
    }
  }
  if (count == 0) outer.push_back({0, {0, 0, 0}});
  RowLoop set(inner, kUncut);
  set.RequireUnitStrides();
  builder.Add(std::make_unique<LayerNormStep>(builder.kernels(), spec, x.id, y.id, gamma, beta, count,
                                              RowLoop(outer, kRowChunk / std::max<int64_t>(count, 1)), set),
              {step.name, step.op, "rows", 0, BytesOf(x) * 2});
  return Status::Ok();
}

}  // namespace

Status Build(const NormalizeSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& shape = builder.shape(v);
  if (step.inputs.size() == 2) return Status::Invalid(builder.Where() + ": gamma and beta come together");
  Source gamma, beta;
  if (step.inputs.size() > 2) {
    Tensor placed;
    LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[1], Layout::kPlain, &placed));
    gamma.tensor = placed.id;
    LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[2], Layout::kPlain, &placed));
    beta.tensor = placed.id;
  }
  if (spec.kind == NormalizeKind::kLayer) return BuildLayer(spec, step, builder, gamma, beta);

  if (shape.size() < 2) return Status::Unsupported(builder.Where() + ": a tensor without a channel axis");
  if (spec.groups < 1 || shape[1] % spec.groups != 0)
    return Status::Invalid(builder.Where() + ": " + std::to_string(shape[1]) + " channels in " +
                           std::to_string(spec.groups) + " groups");
  if (gamma.tensor != kNone && (ElementCount(builder.shape(step.inputs[1])) != shape[1] ||
                                ElementCount(builder.shape(step.inputs[2])) != shape[1]))
    return Status::Invalid(builder.Where() + ": gamma and beta do not have one element per channel");
  const bool blocked = builder.IsBlocked(v);
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &x, &y));
  const StepInfo info{step.name, step.op, blocked ? "planes blocked" : "rows", 0, BytesOf(x) * 2};
  GroupNorm norm{builder.kernels(),
                 ClampOrPassOf(builder.kernels(), spec.activation),
                 spec.epsilon,
                 gamma,
                 beta,
                 std::max<int64_t>(shape[1] / spec.groups, 1)};
  if (blocked) {
    auto group = std::make_unique<GroupNormBlockedStep>(std::move(norm), x, y);
    builder.ReserveScratch(group->scratch());
    builder.Add(std::move(group), info);
  } else {
    builder.Add(std::make_unique<GroupNormPlainStep>(std::move(norm), x, y), info);
  }
  return Status::Ok();
}

}  // namespace lanewise
