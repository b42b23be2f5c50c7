// Transpose, slice, expand and reshape: descriptions of strided moves. Where the input is blocked already and the
// operator leaves the channels in their blocks, the output stays blocked too.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/build.h"
#include "core/strided_move.h"

namespace lanewise {
namespace {

// `v_out` is another shape of the elements of `v_in`.
Status BuildReshape(int v_in, int v_out, PlanBuilder& builder) {
  if (ElementCount(builder.shape(v_in)) != ElementCount(builder.shape(v_out))) {
    return Status::Invalid(builder.Where() + ": the shapes differ in the number of elements");
  }
  Tensor x;
  LANEWISE_RETURN_IF_ERROR(builder.In(v_in, Layout::kPlain, &x));
  return builder.Alias(v_out, x);
}

// Axes of extent 1 move freely; the order of the others tells whether any element moves.
bool KeepsOrder(const Shape& shape, const std::vector<int>& permutation) {
  int last = -1;
  for (int axis : permutation) {
    if (shape[static_cast<size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool IsPermutation(const std::vector<int>& permutation, size_t rank) {
  std::vector<bool> seen(rank, false);
  if (permutation.size() != rank) return false;
  for (int axis : permutation) {
    if (axis < 0 || static_cast<size_t>(axis) >= rank || seen[static_cast<size_t>(axis)]) return false;
    seen[static_cast<size_t>(axis)] = true;
  }
  return true;
}

// A blocked tensor's channels as whole blocks and the lanes of the last one; `to` has the logical axes of x.
std::vector<Move> MovesFromBlocks(const Tensor& x, const View& to) {
  std::vector<Move> moves;
  const int64_t whole = x.c() / x.lanes;
  const View blocks = ViewOf(x);
  const auto add = [&](int64_t first_block, int64_t count, int64_t lanes) {
    Move move;
    move.x = blocks.Part(1, first_block, count).Part(4, 0, lanes);
    move.y = to;
    move.y.offset += first_block * x.lanes * to.strides[1];
    move.y.extents = move.x.extents;
    move.y.strides = {to.strides[0], to.strides[1] * x.lanes, to.strides[2], to.strides[3], to.strides[1]};
    moves.push_back(std::move(move));
  };
  if (whole > 0) add(0, whole, x.lanes);
  if (x.c() % x.lanes != 0) add(whole, 1, x.c() % x.lanes);
  return moves;
}

Status CheckSlice(const SliceSpec& spec, const Shape& from, const Shape& to, const PlanBuilder& builder) {
  if (from.size() != to.size() || spec.starts.size() != from.size() || spec.steps.size() != from.size()) {
    return Status::Invalid(builder.Where() + ": one start and one step per axis are needed");
  }
  for (size_t i = 0; i < from.size(); ++i) {
    if (to[i] == 0) continue;
    const int64_t last = spec.starts[i] + (to[i] - 1) * spec.steps[i];
    if (spec.starts[i] < 0 || spec.starts[i] >= from[i] || last < 0 || last >= from[i]) {
      return Status::Invalid(builder.Where() + ": the slice of axis " + std::to_string(i) + " leaves the tensor");
    }
  }
  return Status::Ok();
}

}  // namespace

Status Build(const ReshapeSpec&, const StepSpec& step, PlanBuilder& builder) {
  return BuildReshape(step.inputs[0], step.outputs[0], builder);
}

Status Build(const TransposeSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& shape = builder.shape(v);
  const Shape& result = builder.shape(step.outputs[0]);
  if (!IsPermutation(spec.permutation, shape.size()) || result.size() != shape.size()) {
    return Status::Invalid(builder.Where() + ": the permutation does not name every axis once");
  }
  for (size_t i = 0; i < result.size(); ++i) {
    if (result[i] != shape[static_cast<size_t>(spec.permutation[i])]) {
      return Status::Invalid(builder.Where() + ": the output has not the permuted shape");
    }
  }
  if (KeepsOrder(shape, spec.permutation)) return BuildReshape(v, step.outputs[0], builder);
  const bool blocked = shape.size() == 4 && builder.IsBlocked(v);
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, blocked ? Layout::kBlocked : Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));
  // The axes of y in the order of x.
  const View permuted = ViewOf(y);
  View to = permuted;
  for (size_t i = 0; i < result.size(); ++i) {
    const size_t axis = static_cast<size_t>(spec.permutation[i]);
    to.extents[axis] = permuted.extents[i];
    to.strides[axis] = permuted.strides[i];
  }
  return AddMoves(blocked ? MovesFromBlocks(x, to) : std::vector<Move>{{ViewOf(x), to}}, builder);
}

Status Build(const SliceSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& from = builder.shape(v);
  const Shape& to = builder.shape(step.outputs[0]);
  LANEWISE_RETURN_IF_ERROR(CheckSlice(spec, from, to, builder));
  const auto whole = [&](size_t axis) {
    return from[axis] == to[axis] &&
           (to[axis] == 0 || (spec.starts[axis] == 0 && (spec.steps[axis] == 1 || to[axis] == 1)));
  };
  bool blocked = from.size() == 4 && builder.IsBlocked(v);
  if (blocked && !whole(1)) {
    if (whole(0) && whole(2) && whole(3)) {
      const int64_t start = spec.starts[1], stride = spec.steps[1];
      std::vector<ValueChannel> channels;
      for (int64_t c = 0; c < to[1]; ++c) channels.push_back({v, start + c * stride});
      return builder.ComposeChannels(step.outputs[0], std::move(channels));
    }
    blocked = false;
  }
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  Move move{ViewOf(x), ViewOf(y)};
  for (size_t i = 0; i < from.size(); ++i) {
    if (whole(i)) continue;
    move.x.offset += to[i] == 0 ? 0 : spec.starts[i] * move.x.strides[i];
    move.x.strides[i] *= spec.steps[i];
  }
  move.x.extents = move.y.extents;
  return AddMoves({std::move(move)}, builder);
}

Status Build(const ExpandSpec&, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& from = builder.shape(v);
  const Shape& to = builder.shape(step.outputs[0]);
  if (from.size() > to.size()) return Status::Invalid(builder.Where() + ": the input has more axes than the output");
  const size_t added = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) {
    if (from[i] != 1 && from[i] != to[added + i]) {
      return Status::Invalid(builder.Where() + ": axis " + std::to_string(i) + " does not broadcast to the output");
    }
  }
  const bool blocked = from.size() == 4 && to.size() == 4 && from[1] == to[1] && builder.IsBlocked(v);
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  Move move{ViewOf(x), ViewOf(y)};
  move.x.extents.insert(move.x.extents.begin(), added, 1);
  move.x.strides.insert(move.x.strides.begin(), added, 0);
  for (size_t i = 0; i < move.x.extents.size(); ++i) {
    if (move.x.extents[i] != move.y.extents[i]) move.x.strides[i] = 0;
  }
  move.x.extents = move.y.extents;
  return AddMoves({std::move(move)}, builder);
}

}  // namespace lanewise
