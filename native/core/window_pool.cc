// Pooling over any number of spatial axes, and p-norms, which the blocked kernels of pool.cc do not know.
#include <cmath>
#include <limits>
#include <utility>

#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {
namespace {

struct PoolWindow {
  int64_t start = 0;            // position of the first tap, may lie before the axis
  int64_t first = 0, last = 0;  // taps inside the axis
  int64_t counted = 0;          // taps inside the axis and its padding
};

struct PoolAxis {
  int64_t extent = 1, dilation = 1;
  std::vector<PoolWindow> windows;
};

PoolAxis WindowsOf(const WindowPoolSpec& spec, size_t i, int64_t extent, int64_t outputs) {
  PoolAxis axis;
  axis.extent = extent;
  axis.dilation = spec.dilations[i];
  for (int64_t o = 0; o < outputs; ++o) {
    PoolWindow w;
    w.start = o * spec.strides[i] - spec.begins[i];
    const auto taps_below = [&](int64_t limit) {
      if (w.start >= limit) return int64_t{0};
      return std::min(spec.kernel[i], (limit - w.start + axis.dilation - 1) / axis.dilation);
    };
    w.last = taps_below(extent);
    w.first = std::min(w.last, taps_below(0));
    w.counted = taps_below(extent + spec.ends[i]);
    axis.windows.push_back(w);
  }
  return axis;
}

struct Geometry {
  std::vector<PoolAxis> axes;
  int64_t inputs = 1, outputs = 1;  // elements of a plane
};

// The result of one window: positions are visited in row-major order.
struct PoolTally {
  const WindowPoolSpec& spec;
  const float* plane;
  double sum = 0;
  float largest = -std::numeric_limits<float>::infinity();
  int64_t taps = 0;

  void Visit(int64_t index) {
    const float v = plane[index];
    ++taps;
    if (spec.kind == WindowKind::kMax) {
      if (v > largest || std::isnan(v)) largest = v;
    } else if (spec.kind == WindowKind::kAverage) {
      sum += static_cast<double>(v);
    } else {
      const double size = std::fabs(static_cast<double>(v));
      sum += spec.p == 1 ? size : spec.p == 2 ? size * size : std::pow(size, spec.p);
    }
  }
  float Result(int64_t counted) const {
    if (spec.kind == WindowKind::kMax) return largest;
    if (spec.kind == WindowKind::kAverage) {
      const int64_t count = spec.count_include_pad ? counted : taps;
      return static_cast<float>(sum / static_cast<double>(std::max<int64_t>(1, count)));
    }
    return static_cast<float>(spec.p == 1 ? sum : spec.p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / spec.p));
  }
};

void VisitWindow(const Geometry& g, const std::vector<size_t>& at, size_t axis, int64_t base, PoolTally* tally) {
  if (axis == g.axes.size()) return tally->Visit(base);
  const PoolAxis& a = g.axes[axis];
  const PoolWindow& w = a.windows[at[axis]];
  for (int64_t tap = w.first; tap < w.last; ++tap)
    VisitWindow(g, at, axis + 1, base * a.extent + w.start + tap * a.dilation, tally);
}

}  // namespace

Status Build(const WindowPoolSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& from = builder.shape(step.inputs[0]);
  const Shape& to = builder.shape(step.outputs[0]);
  const size_t spatial = spec.kernel.size();
  const bool fits = from.size() == spatial + 2 && to.size() == from.size() && from[0] == to[0] && from[1] == to[1];
  if (!fits) return Status::Invalid(builder.Where() + ": a window needs one extent per spatial axis");
  Geometry g;
  int64_t taps = 1;
  for (size_t i = 0; i < spatial; ++i) {
    g.axes.push_back(WindowsOf(spec, i, from[i + 2], to[i + 2]));
    g.inputs *= from[i + 2];
    g.outputs *= to[i + 2];
    taps *= spec.kernel[i];
  }
  const auto work = [spec, g](const PlainRun& run, int64_t begin, int64_t end) {
    std::vector<size_t> at(g.axes.size());
    for (int64_t row = begin; row < end; ++row) {
      const int64_t plane = row / g.outputs;
      int64_t rest = row % g.outputs, counted = 1;
      for (size_t i = at.size(); i-- > 0;) {
        const int64_t extent = static_cast<int64_t>(g.axes[i].windows.size());
        at[i] = static_cast<size_t>(rest % extent);
        rest /= extent;
        counted *= g.axes[i].windows[at[i]].counted;
      }
      PoolTally tally{spec, run.x() + plane * g.inputs};
      VisitWindow(g, at, 0, 0, &tally);
      run.y()[row] = tally.Result(counted);
    }
  };
  const int64_t count = from[0] * from[1] * g.outputs;
  return AddPlain(step, {count, taps, count * taps, "windows"}, work, builder);
}

}  // namespace lanewise
