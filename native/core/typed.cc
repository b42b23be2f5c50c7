#include "core/typed.h"

#include <utility>

#include "core/build.h"

namespace lanewise {
namespace {

class TypedStep : public Step {
 public:
  TypedStep(TypedWork work, std::vector<int> inputs, std::vector<int> outputs, int scratch)
      : work_(std::move(work)), inputs_(std::move(inputs)), outputs_(std::move(outputs)), scratch_(scratch) {}

  size_t items() const override { return static_cast<size_t>(work_.items); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    TypedMemory memory;
    for (size_t i = 0; i < inputs_.size(); ++i) memory.inputs[i] = context.Data(inputs_[i]);
    for (size_t i = 0; i < outputs_.size(); ++i) memory.outputs[i] = context.Data(outputs_[i]);
    if (scratch_ != kNone) memory.scratch = context.Data(scratch_);
    const Status status =
        ReportOutOfMemory([&] { return work_.run(memory, static_cast<int64_t>(begin), static_cast<int64_t>(end)); });
    if (!status.ok()) context.Fail(status);
  }

 private:
  TypedWork work_;
  std::vector<int> inputs_, outputs_;
  int scratch_;
};

const TypedTable& Operators() {
  static const TypedTable* const table = [] {
    auto* made = new TypedTable;
    AddPointwiseOperators(made);
    AddIndexOperators(made);
    AddReduceOperators(made);
    AddQuantizedOperators(made);
    return made;
  }();
  return *table;
}

}  // namespace

Status Build(const TypedSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const auto found = Operators().find(spec.fn);
  if (found == Operators().end()) return Status::Invalid(builder.Where() + ": unknown operator '" + spec.fn + "'");
  const TypedOperator& entry = found->second;
  if (step.inputs.size() < entry.min_inputs || step.inputs.size() > entry.max_inputs ||
      step.outputs.size() != entry.outputs || spec.integers.size() < static_cast<size_t>(entry.min_integers)) {
    return Status::Invalid(builder.Where() + ": another number of operands or integers is needed");
  }
  TypedCall call{spec, builder.Where(), {}, {}};
  const auto operand = [&](int v) {
    return TypedOperand{builder.value(v).type, builder.shape(v), ElementCount(builder.shape(v))};
  };
  for (int v : step.inputs) call.inputs.push_back(operand(v));
  for (int v : step.outputs) call.outputs.push_back(operand(v));
  TypedWork work;
  LANEWISE_RETURN_IF_ERROR(entry.prepare(call, &work));

  std::vector<int> inputs, outputs;
  StepInfo info;
  info.kernel = spec.fn;
  for (int v : step.inputs) {
    Tensor tensor;
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &tensor));
    inputs.push_back(tensor.id);
    info.bytes += ElementCount(tensor.shape) * ElementBytes(tensor.type);
  }
  for (int v : step.outputs) {
    Tensor tensor;
    LANEWISE_RETURN_IF_ERROR(builder.Out(v, Layout::kPlain, &tensor));
    outputs.push_back(tensor.id);
    info.bytes += ElementCount(tensor.shape) * ElementBytes(tensor.type);
  }
  int scratch = kNone;
  if (work.scratch_bytes > 0) {
    Tensor tensor;
    LANEWISE_RETURN_IF_ERROR(builder.Temporary({(work.scratch_bytes + 3) / 4}, Layout::kPlain, &tensor));
    scratch = tensor.id;
  }
  builder.Add(std::make_unique<TypedStep>(std::move(work), std::move(inputs), std::move(outputs), scratch), info);
  return Status::Ok();
}

}  // namespace lanewise
