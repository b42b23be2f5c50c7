// Concatenation, split and shuffle. Of channels of blocked tensors they only say where each comes from.
#include <string>
#include <utility>
#include <vector>

#include "core/build.h"
#include "core/builder.h"
#include "core/strided_move.h"

namespace lanewise {
namespace {

// Axis 1 of rank-4 values of which one is blocked already: worth staying blocked.
bool PrefersBlocked(const std::vector<int>& values, const std::vector<int>& outputs, const PlanBuilder& builder) {
  bool blocked = false;
  for (int v : values) {
    if (builder.shape(v).size() != 4) return false;
    blocked = blocked || builder.IsBlocked(v);
  }
  for (int v : outputs) {
    if (builder.shape(v).size() != 4) return false;
  }
  return blocked;
}

Status CheckAxis(int axis, const std::vector<int>& parts, int whole, const PlanBuilder& builder) {
  const Shape& shape = builder.shape(whole);
  const size_t at = static_cast<size_t>(axis);
  if (axis < 0 || at >= shape.size()) return Status::Invalid(builder.Where() + ": axis out of range");
  int64_t sum = 0;
  for (int v : parts) {
    Shape other = builder.shape(v);
    if (other.size() != shape.size()) return Status::Invalid(builder.Where() + ": ranks differ");
    sum += other[at];
    other[at] = shape[at];
    if (other != shape)
      return Status::Invalid(builder.Where() + ": shapes differ along another axis than the given one");
  }
  if (sum != shape[at]) return Status::Invalid(builder.Where() + ": the extents of the parts do not add up");
  return Status::Ok();
}

}  // namespace

Status Build(const ConcatSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckAxis(spec.axis, step.inputs, step.outputs[0], builder));
  const bool blocked = PrefersBlocked(step.inputs, step.outputs, builder);
  if (spec.axis == 1 && blocked && builder.IsSharedConcat(step)) return builder.FinishSharedConcat(step);
  if (spec.axis == 1 && blocked) {
    std::vector<ValueChannel> channels;
    for (int v : step.inputs) {
      for (int64_t c = 0; c < builder.shape(v)[1]; ++c) channels.push_back({v, c});
    }
    return builder.ComposeChannels(step.outputs[0], std::move(channels));
  }
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  std::vector<Tensor> inputs(step.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[i], layout, &inputs[i]));
  Tensor y;
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  std::vector<Move> moves;
  View to = ViewOf(y);
  for (const Tensor& x : inputs) {
    const View from = ViewOf(x);
    moves.push_back({from, to.Part(spec.axis, 0, from.extents[static_cast<size_t>(spec.axis)])});
    to.offset += from.extents[static_cast<size_t>(spec.axis)] * to.strides[static_cast<size_t>(spec.axis)];
  }
  return AddMoves(moves, builder);
}

Status Build(const SplitSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckAxis(spec.axis, step.outputs, step.inputs[0], builder));
  const bool blocked = PrefersBlocked({step.inputs[0]}, step.outputs, builder);
  if (spec.axis == 1 && blocked) {
    int64_t first = 0;
    for (int v : step.outputs) {
      std::vector<ValueChannel> channels;
      for (int64_t c = 0; c < builder.shape(v)[1]; ++c) channels.push_back({step.inputs[0], first++});
      LANEWISE_RETURN_IF_ERROR(builder.ComposeChannels(v, std::move(channels)));
    }
    return Status::Ok();
  }
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], layout, &x));
  std::vector<Move> moves;
  View from = ViewOf(x);
  for (int v : step.outputs) {
    Tensor y;
    LANEWISE_RETURN_IF_ERROR(builder.Out(v, layout, &y));
    const View to = ViewOf(y);
    const int64_t extent = to.extents[static_cast<size_t>(spec.axis)];
    moves.push_back({from.Part(spec.axis, 0, extent), to});
    from.offset += extent * from.strides[static_cast<size_t>(spec.axis)];
  }
  return AddMoves(moves, builder);
}

Status Build(const ChannelShuffleSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& shape = builder.shape(step.inputs[0]);
  if (shape.size() < 2 || spec.groups < 1 || shape[1] % spec.groups != 0) {
    return Status::Invalid(builder.Where() + ": the number of channels is no multiple of the groups");
  }
  const int64_t per_group = shape[1] / spec.groups;
  if (shape.size() == 4) {
    std::vector<ValueChannel> channels;
    for (int64_t c = 0; c < shape[1]; ++c) {
      channels.push_back({step.inputs[0], c % spec.groups * per_group + c / spec.groups});
    }
    return builder.ComposeChannels(step.outputs[0], std::move(channels));
  }
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));
  // Axis 1 as [groups][per_group] in x and [per_group][groups] in y.
  View from = ViewOf(x);
  View to = ViewOf(y);
  from.SplitAxis(1, spec.groups);
  from.SwapAxes(1, 2);
  to.SplitAxis(1, per_group);
  return AddMoves({{std::move(from), std::move(to)}}, builder);
}

}  // namespace lanewise
