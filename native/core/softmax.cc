// Softmax and log-softmax along one axis of a plain tensor: rows when the elements of the axis lie side by side, strips
// of columns otherwise.
#include <memory>
#include <string>
#include <vector>

#include "core/build.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

class SoftmaxRowStep final : public Step {
 public:
  SoftmaxRowStep(SoftmaxRow kernel, int x, int y, int64_t length, RowLoop rows)
      : kernel_(kernel), x_(x), y_(y), length_(length), rows_(std::move(rows)) {}

  size_t items() const override { return rows_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    rows_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      for (int64_t i = 0; i < n; ++i)
        kernel_(x + at[0] + i * rows_.row_stride(0), y + at[1] + i * rows_.row_stride(1), static_cast<size_t>(length_));
    });
  }

 private:
  SoftmaxRow kernel_;
  int x_, y_;
  int64_t length_;
  RowLoop rows_;
};

class SoftmaxColumnsStep final : public Step {
 public:
  SoftmaxColumnsStep(SoftmaxColumns kernel, int x, int y, Extent x_axis, Extent y_axis, RowLoop columns)
      : kernel_(kernel), x_(x), y_(y), x_axis_(x_axis), y_axis_(y_axis), columns_(std::move(columns)) {}

  size_t items() const override { return columns_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    columns_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      kernel_(x + at[0], x_axis_.stride, y + at[1], y_axis_.stride, static_cast<size_t>(x_axis_.size),
              static_cast<size_t>(n));
    });
  }

 private:
  SoftmaxColumns kernel_;
  int x_, y_;
  Extent x_axis_, y_axis_;
  RowLoop columns_;
};

}  // namespace

Status Build(const SoftmaxSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int rank = static_cast<int>(builder.shape(step.inputs[0]).size());
  const int axis = spec.axis < 0 ? spec.axis + rank : spec.axis;
  if (axis < 0 || axis >= rank)
    return Status::Invalid(builder.Where() + ": axis " + std::to_string(spec.axis) + " of a tensor of rank " +
                           std::to_string(rank));
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &x, &y));
  const std::vector<Extent> xs = PlainExtents(x), ys = PlainExtents(y);
  const Extent x_axis = xs[static_cast<size_t>(axis)], y_axis = ys[static_cast<size_t>(axis)];
  std::vector<RowAxis> others;
  for (size_t i = 0; i < xs.size(); ++i)
    if (static_cast<int>(i) != axis || x_axis.size == 0)
      others.push_back({xs[i].size, {xs[i].stride, ys[i].stride, 0}});
  const KernelTable& kernels = builder.kernels();
  const int64_t length = std::max<int64_t>(x_axis.size, 1);
  const StepInfo info{step.name, step.op, "", 0, BytesOf(x) + BytesOf(y)};
  if (x_axis.stride == 1 && y_axis.stride == 1) {
    builder.Add(std::make_unique<SoftmaxRowStep>(spec.log ? kernels.log_softmax_row : kernels.softmax_row, x.id, y.id,
                                                 x_axis.size, RowLoop(others, kRowChunk / length)),
                info);
  } else {
    // Strips of at least 64 columns, so that a row of one is whole cache lines.
    RowLoop columns(others, std::max<int64_t>(64, kRowChunk / length / 64 * 64));
    columns.RequireUnitStrides();
    builder.Add(std::make_unique<SoftmaxColumnsStep>(spec.log ? kernels.log_softmax_columns : kernels.softmax_columns,
                                                     x.id, y.id, x_axis, y_axis, std::move(columns)),
                info);
  }
  return Status::Ok();
}

}  // namespace lanewise
