// Pad and gather: along some axes every output position names a source position, or none. The positions are resolved to
// element offsets when the plan is made; a run copies segments.
#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "core/build.h"
#include "core/row_split.h"
#include "core/strided_move.h"

namespace lanewise {
namespace {

constexpr int64_t kNothing = -1;  // a position that gets the fill value
constexpr size_t kMaxAxes = 16;   // more than any model has; keeps the run free of allocations

// Source positions along an axis, one per output position; empty: the axis is copied as it is.
using Positions = std::vector<int64_t>;

class IndexedMoveStep : public Step {
 public:
  // x and y have equally many axes, positions one entry for each.
  IndexedMoveStep(const View& x, const View& y, const std::vector<Positions>& positions, float fill)
      : x_id_(x.id), y_id_(y.id), x_offset_(x.offset), y_offset_(y.offset), fill_(fill) {
    size_t rank = y.extents.size();
    // Trailing axes that are copied whole and lie without gaps are one run of elements.
    while (rank > 0 && positions[rank - 1].empty() &&
           (y.extents[rank - 1] == 1 || (x.strides[rank - 1] == run_ && y.strides[rank - 1] == run_))) {
      run_ *= y.extents[--rank];
    }
    int64_t units = run_ == 0 ? 0 : 1;
    for (size_t i = 0; i < rank; ++i) {
      Axis axis{y.extents[i], y.strides[i], {}};
      for (int64_t p = 0; p < axis.extent; ++p) {
        const int64_t from = positions[i].empty() ? p : positions[i][static_cast<size_t>(p)];
        axis.x_offsets.push_back(from == kNothing ? kFillOffset : from * x.strides[i]);
      }
      axes_.push_back(std::move(axis));
    }
    if (!axes_.empty()) {
      MakeSegments(axes_.back());
      unit_elements_ = axes_.back().extent * run_;
      if (axes_.back().extent == 0) units = 0;
      axes_.pop_back();
    } else {
      segments_.push_back({0, 0, run_});
      unit_elements_ = run_;
    }
    for (const Axis& axis : axes_) units *= axis.extent;
    split_ = RowSplit(units, unit_elements_ * static_cast<int64_t>(sizeof(float)));
  }

  bool TooManyAxes() const { return axes_.size() > kMaxAxes; }

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_id_) + x_offset_;
    float* y = context.Data(y_id_) + y_offset_;
    for (int64_t unit = split_.begin(begin); unit < split_.begin(end); ++unit) {
      int64_t rest = unit, from = 0, to = 0;
      bool fill = false;
      for (size_t i = axes_.size(); i-- > 0;) {
        const Axis& axis = axes_[i];
        const int64_t position = rest % axis.extent;
        rest /= axis.extent;
        const int64_t offset = axis.x_offsets[static_cast<size_t>(position)];
        fill = fill || offset == kFillOffset;
        from += fill ? 0 : offset;
        to += position * axis.y_stride;
      }
      for (const Segment& s : segments_) {
        if (fill || s.x_offset == kFillOffset) {
          std::fill(y + to + s.y_offset, y + to + s.y_offset + s.count, fill_);
        } else if (s.count == 1) {
          y[to + s.y_offset] = x[from + s.x_offset];
        } else {
          std::memcpy(y + to + s.y_offset, x + from + s.x_offset, static_cast<size_t>(s.count) * sizeof(float));
        }
      }
    }
  }

 private:
  static constexpr int64_t kFillOffset = INT64_MIN;
  struct Axis {
    int64_t extent, y_stride;
    std::vector<int64_t> x_offsets;
  };
  struct Segment {
    int64_t x_offset, y_offset, count;
  };

  // Neighbouring positions of the innermost axis that continue each other on both sides become one segment.
  void MakeSegments(const Axis& axis) {
    for (int64_t p = 0; p < axis.extent; ++p) {
      const Segment next{axis.x_offsets[static_cast<size_t>(p)], p * axis.y_stride, run_};
      if (!segments_.empty()) {
        Segment& last = segments_.back();
        const bool both_fill = last.x_offset == kFillOffset && next.x_offset == kFillOffset;
        const bool continues = last.x_offset != kFillOffset && next.x_offset == last.x_offset + last.count;
        if (next.y_offset == last.y_offset + last.count && (both_fill || continues)) {
          last.count += run_;
          continue;
        }
      }
      segments_.push_back(next);
    }
  }

  int x_id_, y_id_;
  int64_t x_offset_, y_offset_;
  float fill_;
  int64_t run_ = 1;
  std::vector<Axis> axes_;
  std::vector<Segment> segments_;
  int64_t unit_elements_ = 0;
  RowSplit split_;
};

Status AddIndexedMove(const View& x, const View& y, const std::vector<Positions>& positions, float fill,
                      PlanBuilder& builder) {
  auto added = std::make_unique<IndexedMoveStep>(x, y, positions, fill);
  if (added->TooManyAxes()) return Status::Unsupported(builder.Where() + ": too many axes");
  StepInfo info;
  info.kernel = "copy segments";
  info.bytes = 2 * ElementCount(y.extents) * static_cast<int64_t>(sizeof(float));
  builder.Add(std::move(added), std::move(info));
  return Status::Ok();
}

int64_t Modulo(int64_t a, int64_t b) { return (a % b + b) % b; }

// Where the positions of a padded axis come from. What negative padding crops is gone before the rest is padded.
Positions PadPositions(PadMode mode, int64_t extent, int64_t begin, int64_t outputs) {
  const int64_t end = outputs - extent - begin;
  const int64_t low = std::max<int64_t>(0, -begin);
  const int64_t kept = extent + std::min<int64_t>(0, end) - low;
  Positions positions;
  for (int64_t i = 0; i < outputs; ++i) {
    int64_t p = i - begin - low;
    if (p < 0 || p >= kept) {
      switch (mode) {
        case PadMode::kConstant: p = kNothing; break;
        case PadMode::kEdge: p = p < 0 ? 0 : kept - 1; break;
        case PadMode::kReflect:
          // The edge itself is not repeated: a period of 2*(kept - 1).
          p = kept == 1 ? 0 : Modulo(p, 2 * (kept - 1));
          if (p >= kept) p = 2 * (kept - 1) - p;
          break;
        case PadMode::kWrap: p = Modulo(p, kept); break;
      }
    }
    positions.push_back(p == kNothing ? kNothing : p + low);
  }
  return positions;
}

}  // namespace

Status Build(const PadSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& from = builder.shape(v);
  const Shape& to = builder.shape(step.outputs[0]);
  if (from.size() != to.size() || spec.begins.size() != from.size()) {
    return Status::Invalid(builder.Where() + ": one padding per axis is needed");
  }
  const auto untouched = [&](size_t axis) { return spec.begins[axis] == 0 && from[axis] == to[axis]; };
  std::vector<Positions> positions(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    if (untouched(i)) continue;
    const int64_t kept =
        from[i] + std::min<int64_t>(0, to[i] - from[i] - spec.begins[i]) - std::max<int64_t>(0, -spec.begins[i]);
    if (kept < 0)
      return Status::Invalid(builder.Where() + ": more is cropped from axis " + std::to_string(i) + " than there is");
    if (kept == 0 && to[i] > 0 && spec.mode != PadMode::kConstant) {
      return Status::Invalid(builder.Where() + ": axis " + std::to_string(i) + " has nothing to repeat");
    }
    positions[i] = PadPositions(spec.mode, from[i], spec.begins[i], to[i]);
  }
  const bool blocked = from.size() == 4 && untouched(1) && builder.IsBlocked(v);
  if (blocked) positions.emplace_back();  // the lanes
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  return AddIndexedMove(ViewOf(x), ViewOf(y), positions, spec.value, builder);
}

Status Build(const GatherSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape& from = builder.shape(v);
  const Shape& to = builder.shape(step.outputs[0]);
  const size_t axis = static_cast<size_t>(spec.axis);
  if (spec.axis < 0 || axis >= from.size()) return Status::Invalid(builder.Where() + ": axis out of range");
  Positions indices;
  for (int64_t i : spec.indices) {
    if (i < -from[axis] || i >= from[axis]) {
      return Status::Invalid(builder.Where() + ": index " + std::to_string(i) + " is outside an axis of " +
                             std::to_string(from[axis]));
    }
    indices.push_back(i < 0 ? i + from[axis] : i);
  }
  Shape gathered = from;
  gathered[axis] = static_cast<int64_t>(indices.size());
  if (ElementCount(to) != ElementCount(gathered)) {
    return Status::Invalid(builder.Where() + ": the output has not the gathered shape");
  }
  const bool same_rank = to == gathered;
  const bool blocked = same_rank && from.size() == 4 && builder.IsBlocked(v);
  if (blocked && axis == 1) {
    std::vector<ValueChannel> channels;
    for (int64_t c : indices) channels.push_back({v, c});
    return builder.ComposeChannels(step.outputs[0], std::move(channels));
  }
  std::vector<Positions> positions(from.size() + (blocked ? 1 : 0));
  // An axis of no positions at all must not look like one that is copied as it is; the output is empty then.
  positions[axis] = indices;
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, layout, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  if (same_rank) return AddIndexedMove(ViewOf(x), ViewOf(y), positions, 0, builder);
  return AddIndexedMove(ViewOf(x), ContiguousView(y, gathered), positions, 0, builder);
}

}  // namespace lanewise
