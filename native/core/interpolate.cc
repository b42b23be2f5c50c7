// Resampling along one axis: every output position is a weighted sum of some input positions, the same for all rows.
// Whatever Resize does that the blocked kernels of resize.cc do not is a sequence of these.
#include <algorithm>
#include <utility>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

Status CheckTaps(const InterpolateSpec& spec, int64_t inputs, int64_t outputs, const PlanBuilder& builder) {
  const auto bad = [&] { return Status::Invalid(builder.Where() + ": the taps do not fit the axis"); };
  if (static_cast<int64_t>(spec.starts.size()) != outputs + 1 || spec.indices.size() != spec.weights.size())
    return bad();
  const int64_t taps = static_cast<int64_t>(spec.indices.size());
  if (spec.starts.front() != 0 || spec.starts.back() != taps) return bad();
  if (!std::is_sorted(spec.starts.begin(), spec.starts.end())) return bad();
  for (int64_t i : spec.indices)
    if (i < 0 || i >= inputs) return bad();
  return Status::Ok();
}

// y[i] = sum over taps t: weights[t] * x[indices[t] * stride + i]
void WeightedRows(const float* x, int64_t stride, const int64_t* indices, const float* weights, int64_t taps, float* y,
                  int64_t n) {
  const float* first = x + indices[0] * stride;
  for (int64_t i = 0; i < n; ++i) y[i] = weights[0] * first[i];
  for (int64_t t = 1; t < taps; ++t) {
    const float* row = x + indices[t] * stride;
    const float weight = weights[t];
    for (int64_t i = 0; i < n; ++i) y[i] += weight * row[i];
  }
}

}  // namespace

Status Build(const InterpolateSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& from = builder.shape(step.inputs[0]);
  const Shape& to = builder.shape(step.outputs[0]);
  const AxisSplit x = SplitAt(from, spec.axis), y = SplitAt(to, spec.axis);
  if (from.size() != to.size() || x.outer != y.outer || x.inner != y.inner)
    return Status::Invalid(builder.Where() + ": only one axis can be resampled");
  LANEWISE_RETURN_IF_ERROR(CheckTaps(spec, x.extent, y.extent, builder));
  const int64_t taps = static_cast<int64_t>(spec.indices.size());
  const int64_t macs = y.outer * y.inner * taps;
  // Along the last axis a row is a line of outputs; otherwise the elements behind one output position.
  if (y.inner == 1) {
    const auto line = [spec, x, y](const PlainRun& run, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float* in = run.x() + row * x.extent;
        float* out = run.y() + row * y.extent;
        for (int64_t o = 0; o < y.extent; ++o) {
          const size_t first = static_cast<size_t>(spec.starts[static_cast<size_t>(o)]);
          const size_t last = static_cast<size_t>(spec.starts[static_cast<size_t>(o) + 1]);
          float sum = first == last ? spec.fill : spec.weights[first] * in[spec.indices[first]];
          for (size_t t = first + 1; t < last; ++t) sum += spec.weights[t] * in[spec.indices[t]];
          out[o] = sum;
        }
      }
    };
    return AddPlain(step, {y.extent == 0 ? 0 : y.outer, taps, macs, "taps along rows"}, line, builder);
  }
  const auto rows = [spec, x, y](const PlainRun& run, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const size_t o = static_cast<size_t>(row % y.extent);
      float* out = run.y() + row * y.inner;
      const int64_t first = spec.starts[o], count = spec.starts[o + 1] - first;
      if (count == 0) {
        std::fill_n(out, y.inner, spec.fill);
      } else {
        WeightedRows(run.x() + row / y.extent * x.extent * x.inner, x.inner, spec.indices.data() + first,
                     spec.weights.data() + first, count, out, y.inner);
      }
    }
  };
  const int64_t cost = y.inner * std::max<int64_t>(1, taps / std::max<int64_t>(1, y.extent));
  return AddPlain(step, {y.inner == 0 ? 0 : y.outer * y.extent, cost, macs, "taps across rows"}, rows, builder);
}

}  // namespace lanewise
