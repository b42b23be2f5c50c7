#include "core/plain_step.h"

#include <memory>
#include <utility>

#include "core/row_loop.h"
#include "core/row_split.h"

namespace lanewise {
namespace {

class PlainStep final : public Step {
 public:
  PlainStep(std::vector<int> inputs, std::vector<int> outputs, RowSplit split, PlainWork work)
      : inputs_(std::move(inputs)), outputs_(std::move(outputs)), split_(split), work_(std::move(work)) {}

  size_t items() const override { return split_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    work_(PlainRun(context, inputs_, outputs_), split_.begin(begin), split_.begin(end));
  }

 private:
  std::vector<int> inputs_, outputs_;
  RowSplit split_;
  PlainWork work_;
};

}  // namespace

Status AddPlain(const StepSpec& step, const PlainRows& rows, PlainWork work, PlanBuilder& builder) {
  std::vector<int> inputs, outputs;
  StepInfo info;
  info.kernel = rows.kernel;
  info.macs = rows.macs;
  for (int v : step.inputs) {
    Tensor x;
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &x));
    inputs.push_back(x.id);
    info.bytes += BytesOf(x);
  }
  for (int v : step.outputs) {
    Tensor y;
    LANEWISE_RETURN_IF_ERROR(builder.Out(v, Layout::kPlain, &y));
    outputs.push_back(y.id);
    info.bytes += BytesOf(y);
  }
  const RowSplit split(rows.count, std::max<int64_t>(1, rows.cost) * static_cast<int64_t>(sizeof(float)));
  builder.Add(std::make_unique<PlainStep>(std::move(inputs), std::move(outputs), split, std::move(work)),
              std::move(info));
  return Status::Ok();
}

AxisSplit SplitAt(const Shape& shape, int axis) {
  AxisSplit split;
  for (int i = 0; i < static_cast<int>(shape.size()); ++i) {
    int64_t& part = i < axis ? split.outer : i == axis ? split.extent : split.inner;
    part *= shape[static_cast<size_t>(i)];
  }
  return split;
}

}  // namespace lanewise
