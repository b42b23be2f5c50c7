// Nearest and bilinear resizing of blocked tensors. Source positions and weights are computed once, when the plan is
// made.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/build.h"
#include "core/row_split.h"

namespace lanewise {
namespace {

// The position in the source of output position i: coordinate_transformation_mode of ONNX Resize.
template <class Real>
Real SourcePosition(Coordinates coordinates, int64_t i, int64_t inputs, int64_t outputs, Real scale) {
  const Real x = static_cast<Real>(i);
  const Real half = static_cast<Real>(0.5);
  switch (coordinates) {
    case Coordinates::kHalfPixel: return (x + half) / scale - half;
    case Coordinates::kHalfPixelSymmetric: {
      const Real adjustment = static_cast<Real>(outputs) / (scale * static_cast<Real>(inputs));
      const Real offset = static_cast<Real>(inputs) / 2 * (1 - adjustment);
      return offset + (x + half) / scale - half;
    }
    case Coordinates::kPytorchHalfPixel: return outputs > 1 ? (x + half) / scale - half : 0;
    case Coordinates::kAlignCorners:
      return outputs > 1 ? x * static_cast<Real>(inputs - 1) / static_cast<Real>(outputs - 1) : 0;
    case Coordinates::kAsymmetric: break;
  }
  return x / scale;
}

// In float, as the scale of the model is: 3 / 0.6f is 5 then, where the rounded 0.6 in double would give 4.9999998.
std::vector<int64_t> NearestPositions(const Resize2dSpec& spec, double scale, int64_t inputs, int64_t outputs) {
  std::vector<int64_t> positions;
  for (int64_t i = 0; i < outputs; ++i) {
    const float at = SourcePosition<float>(spec.coordinates, i, inputs, outputs, static_cast<float>(scale));
    float rounded = 0;
    switch (spec.rounding) {
      case Rounding::kPreferFloor: rounded = std::ceil(at - 0.5f); break;
      case Rounding::kPreferCeil: rounded = std::floor(at + 0.5f); break;
      case Rounding::kFloor: rounded = std::floor(at); break;
      case Rounding::kCeil: rounded = std::ceil(at); break;
    }
    // Clamped before it becomes an integer: a scale near 0 or infinity gives positions no integer holds, or NaN.
    const float inside = rounded >= 0 ? std::min(rounded, static_cast<float>(inputs)) : 0;
    positions.push_back(std::min(static_cast<int64_t>(inside), inputs - 1));
  }
  return positions;
}

struct LinearTap {
  int64_t first, second;
  float first_weight, second_weight;
};

// Positions outside the image are those of its edge.
std::vector<LinearTap> LinearTaps(const Resize2dSpec& spec, double scale, int64_t inputs, int64_t outputs) {
  std::vector<LinearTap> taps;
  for (int64_t i = 0; i < outputs; ++i) {
    const double at = SourcePosition<double>(spec.coordinates, i, inputs, outputs, scale);
    const double clamped = at >= 0 ? std::min(at, static_cast<double>(inputs - 1)) : 0;  // NaN too
    const int64_t first = static_cast<int64_t>(clamped);
    const double weight = clamped - static_cast<double>(first);
    taps.push_back(
        {first, std::min(first + 1, inputs - 1), static_cast<float>(1 - weight), static_cast<float>(weight)});
  }
  return taps;
}

class NearestStep : public Step {
 public:
  NearestStep(const Resize2dSpec& spec, GatherPixelsKernel kernel, Tensor x, Tensor y)
      : kernel_(kernel),
        x_(std::move(x)),
        y_(std::move(y)),
        rows_(NearestPositions(spec, spec.scale_h, x_.h(), y_.h())),
        split_(SplitRows(y_)) {
    for (int64_t column : NearestPositions(spec, spec.scale_w, x_.w(), y_.w())) {
      columns_.push_back(static_cast<int32_t>(column * x_.pixel_stride));
    }
  }

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_.id);
    float* y = context.Data(y_.id);
    ForEachRow(y_, split_.begin(begin), split_.begin(end), false, [&](int64_t n, int64_t block, int64_t row, int64_t) {
      kernel_(x + n * x_.image_stride + block * x_.block_stride + rows_[static_cast<size_t>(row)] * x_.row_stride,
              columns_.data(), y + n * y_.image_stride + block * y_.block_stride + row * y_.row_stride,
              columns_.size());
    });
  }

 private:
  GatherPixelsKernel kernel_;
  Tensor x_, y_;
  std::vector<int64_t> rows_;
  std::vector<int32_t> columns_;
  RowSplit split_;
};

class LinearStep : public Step {
 public:
  LinearStep(const Resize2dSpec& spec, ResizeRowKernel kernel, Tensor x, Tensor y)
      : kernel_(kernel),
        x_(std::move(x)),
        y_(std::move(y)),
        rows_(LinearTaps(spec, spec.scale_h, x_.h(), y_.h())),
        split_(SplitRows(y_)) {
    for (const LinearTap& tap : LinearTaps(spec, spec.scale_w, x_.w(), y_.w())) {
      columns_.push_back({static_cast<int32_t>(tap.first * x_.pixel_stride),
                          static_cast<int32_t>(tap.second * x_.pixel_stride), tap.first_weight, tap.second_weight});
    }
  }

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    ResizeRowArgs args{};
    args.columns = columns_.data();
    args.y_cols = columns_.size();
    ForEachRow(y_, split_.begin(begin), split_.begin(end), false, [&](int64_t n, int64_t block, int64_t row, int64_t) {
      const LinearTap& tap = rows_[static_cast<size_t>(row)];
      const float* plane = context.Data(x_.id) + n * x_.image_stride + block * x_.block_stride;
      args.rows[0] = plane + tap.first * x_.row_stride;
      args.rows[1] = plane + tap.second * x_.row_stride;
      args.row_weights[0] = tap.first_weight;
      args.row_weights[1] = tap.second_weight;
      args.y = context.Data(y_.id) + n * y_.image_stride + block * y_.block_stride + row * y_.row_stride;
      kernel_(args);
    });
  }

 private:
  ResizeRowKernel kernel_;
  Tensor x_, y_;
  std::vector<LinearTap> rows_;
  std::vector<ResizeColumn> columns_;
  RowSplit split_;
};

}  // namespace

Status Build(const Resize2dSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& from = builder.shape(step.inputs[0]);
  const Shape& to = builder.shape(step.outputs[0]);
  if (from.size() != 4 || to.size() != 4) {
    return Status::Unsupported(builder.Where() + ": only tensors of rank 4 (NCHW) can be resized");
  }
  if (from[0] != to[0] || from[1] != to[1]) {
    return Status::Unsupported(builder.Where() + ": only height and width can be resized");
  }
  if (ElementCount(to) > 0 && ElementCount(from) == 0) {
    return Status::Invalid(builder.Where() + ": an empty image cannot be resized to one with pixels");
  }
  if (!(spec.scale_h > 0) || !(spec.scale_w > 0)) return Status::Invalid(builder.Where() + ": scales must be positive");
  if (from[3] * builder.lanes() > INT32_MAX) return Status::Unsupported(builder.Where() + ": the image is too wide");
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kBlocked, &y));
  StepInfo info;
  info.bytes = (ElementCount(from) + ElementCount(to)) * static_cast<int64_t>(sizeof(float));
  const KernelTable& kernels = builder.kernels();
  if (spec.mode == ResizeMode::kNearest) {
    info.kernel = "nearest";
    builder.Add(std::make_unique<NearestStep>(spec, kernels.gather_pixels, x, y), std::move(info));
  } else {
    info.kernel = "bilinear";
    info.macs = ElementCount(to) * 6;
    builder.Add(std::make_unique<LinearStep>(spec, kernels.resize_row_linear, x, y), std::move(info));
  }
  return Status::Ok();
}

}  // namespace lanewise
