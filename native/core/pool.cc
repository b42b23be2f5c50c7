// Max, average and global pooling of blocked tensors. Windows are clipped to the image when the plan is made; the
// kernels never see a padding position.
#include <string>
#include <utility>
#include <vector>

#include "core/build.h"
#include "core/row_split.h"

namespace lanewise {
namespace {

struct PoolAxis {
  std::vector<PoolColumn> windows;  // of each output position
  size_t full_begin = 0;            // positions whose window lies inside the image
  size_t full_end = 0;
};

PoolAxis ClipWindows(int64_t extent, int64_t outputs, int64_t kernel, int64_t stride, int64_t dilation,
                     int64_t pad_begin, int64_t pad_end, bool count_padding) {
  PoolAxis axis;
  bool any = false;
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t start = o * stride - pad_begin;
    const int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    // Taps below `limit`: those of the window that begin before it.
    const auto taps_below = [&](int64_t limit) {
      return start >= limit ? 0 : std::min(kernel, (limit - start + dilation - 1) / dilation);
    };
    const int64_t taps = std::max<int64_t>(0, taps_below(extent) - first);
    // A window of ceil mode may hang over the padded extent; what lies beyond is no padding and never counts.
    const int64_t counted = count_padding ? taps_below(extent + pad_end) : taps;
    axis.windows.push_back({static_cast<int32_t>(taps > 0 ? start + first * dilation : 0), static_cast<int32_t>(taps),
                            static_cast<float>(std::max<int64_t>(1, counted))});
    if (taps != kernel) continue;
    if (!any) axis.full_begin = static_cast<size_t>(o);
    axis.full_end = static_cast<size_t>(o) + 1;
    any = true;
  }
  return axis;
}

class PoolStep : public RowStep {
 public:
  PoolStep(const Pool2dSpec& spec, PoolRowKernel kernel, Tensor x, Tensor y)
      : kernel_(kernel),
        x_(std::move(x)),
        y_(std::move(y)),
        rows_(ClipWindows(x_.h(), y_.h(), spec.kernel.h, spec.strides.h, spec.dilations.h, spec.pads.top,
                          spec.pads.bottom, spec.count_include_pad)),
        columns_(ClipWindows(x_.w(), y_.w(), spec.kernel.w, spec.strides.w, spec.dilations.w, spec.pads.left,
                             spec.pads.right, spec.count_include_pad)),
        split_(SplitRows(y_)) {
    args_.x_row_stride = spec.dilations.h * x_.row_stride;
    args_.columns = columns_.windows.data();
    args_.tap_stride = spec.dilations.w * x_.pixel_stride;
    args_.full_begin = columns_.full_begin;
    args_.full_end = columns_.full_end;
    args_.kernel_cols = static_cast<size_t>(spec.kernel.w);
    args_.stride_cols = static_cast<size_t>(spec.strides.w);
    args_.y_cols = static_cast<size_t>(y_.w());
  }

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    ForEachRow(y_, split_.begin(begin), split_.begin(end), false,
               [&](int64_t n, int64_t block, int64_t row, int64_t) { RunRow(context, n, block, row); });
  }

  void RunRows(const RunContext& context, int64_t image, int64_t begin, int64_t end) const override {
    for (int64_t block = 0; block < y_.blocks(); ++block) {
      for (int64_t row = begin; row < end; ++row) RunRow(context, image, block, row);
    }
  }

 private:
  void RunRow(const RunContext& context, int64_t image, int64_t block, int64_t row) const {
    PoolRowArgs args = args_;
    const PoolColumn& window = rows_.windows[static_cast<size_t>(row)];
    args.x = context.Data(x_.id) + image * x_.image_stride + block * x_.block_stride + window.first * x_.row_stride;
    args.tap_rows = static_cast<size_t>(window.taps);
    args.row_count = window.count;
    args.y = context.Data(y_.id) + image * y_.image_stride + block * y_.block_stride + row * y_.row_stride;
    kernel_(args);
  }

  PoolRowKernel kernel_;
  Tensor x_, y_;
  PoolAxis rows_, columns_;
  RowSplit split_;
  PoolRowArgs args_{};
};

class GlobalPoolStep : public Step {
 public:
  GlobalPoolStep(PlaneReduceKernel kernel, Tensor x, Tensor y)
      : kernel_(kernel),
        x_(std::move(x)),
        y_(std::move(y)),
        split_(x_.n() * x_.blocks(), x_.h() * x_.w() * x_.lanes * static_cast<int64_t>(sizeof(float))) {}

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    PlaneReduceArgs args{};
    args.row_stride = x_.row_stride;
    args.rows = static_cast<size_t>(x_.h());
    args.cols = static_cast<size_t>(x_.w());
    args.count = static_cast<float>(x_.h() * x_.w());
    for (int64_t plane = split_.begin(begin); plane < split_.begin(end); ++plane) {
      const int64_t n = plane / x_.blocks();
      const int64_t block = plane % x_.blocks();
      args.x = context.Data(x_.id) + n * x_.image_stride + block * x_.block_stride;
      args.y = context.Data(y_.id) + n * y_.image_stride + block * y_.block_stride;
      kernel_(args);
    }
  }

 private:
  PlaneReduceKernel kernel_;
  Tensor x_, y_;
  RowSplit split_;
};

StepInfo Describe(std::string kernel, const Tensor& x, const Tensor& y, int64_t macs) {
  StepInfo info;
  info.kernel = std::move(kernel);
  info.macs = macs;
  info.bytes = (ElementCount(x.shape) + ElementCount(y.shape)) * static_cast<int64_t>(sizeof(float));
  return info;
}

Status CheckRank(const StepSpec& step, const PlanBuilder& builder) {
  if (builder.shape(step.inputs[0]).size() == 4 && builder.shape(step.outputs[0]).size() == 4) return Status::Ok();
  return Status::Unsupported(builder.Where() + ": only tensors of rank 4 (NCHW) can be pooled");
}

}  // namespace

Status Build(const Pool2dSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckRank(step, builder));
  if (spec.kernel.h < 1 || spec.kernel.w < 1 || spec.strides.h < 1 || spec.strides.w < 1 || spec.dilations.h < 1 ||
      spec.dilations.w < 1) {
    return Status::Invalid(builder.Where() + ": kernel, strides and dilations must be positive");
  }
  if (spec.pads.top < 0 || spec.pads.left < 0 || spec.pads.bottom < 0 || spec.pads.right < 0) {
    return Status::Unsupported(builder.Where() + ": negative padding");
  }
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kBlocked, &y));
  if (x.n() != y.n() || x.c() != y.c()) {
    return Status::Invalid(builder.Where() + ": pooling cannot change the number of images or channels");
  }
  if (x.w() > INT32_MAX || x.h() > INT32_MAX) return Status::Unsupported(builder.Where() + ": the image is too large");
  const bool is_max = spec.kind == PoolKind::kMax;
  const PoolRowKernel kernel = is_max ? builder.kernels().pool_row_max : builder.kernels().pool_row_average;
  const std::string label = std::string(is_max ? "max " : "average ") + std::to_string(spec.kernel.h) + "x" +
                            std::to_string(spec.kernel.w) + "s" + std::to_string(spec.strides.w);
  builder.Add(std::make_unique<PoolStep>(spec, kernel, x, y),
              Describe(label, x, y, ElementCount(y.shape) * spec.kernel.h * spec.kernel.w));
  return Status::Ok();
}

Status Build(const GlobalPoolSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckRank(step, builder));
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kBlocked, &y));
  if (y.shape != Shape{x.n(), x.c(), 1, 1}) {
    return Status::Invalid(builder.Where() + ": the output of a global pooling is [N, C, 1, 1]");
  }
  const bool is_max = spec.kind == PoolKind::kMax;
  builder.Add(
      std::make_unique<GlobalPoolStep>(is_max ? builder.kernels().plane_max : builder.kernels().plane_mean, x, y),
      Describe(is_max ? "plane max" : "plane mean", x, y, ElementCount(x.shape)));
  return Status::Ok();
}

}  // namespace lanewise
