// One where the largest element of an axis stands first, zero elsewhere.
#include "core/build.h"
#include "core/plain_step.h"

namespace lanewise {

Status Build(const HardmaxSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const AxisSplit split = SplitAt(builder.shape(step.inputs[0]), spec.axis);
  const auto work = [split](const PlainRun& run, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row / split.inner * split.extent * split.inner + row % split.inner;
      const float* x = run.x() + first;
      float* y = run.y() + first;
      int64_t best = 0;
      for (int64_t i = 0; i < split.extent; ++i) {
        if (x[i * split.inner] > x[best * split.inner]) best = i;
        y[i * split.inner] = 0;
      }
      y[best * split.inner] = 1;
    }
  };
  return AddPlain(step, {split.extent == 0 ? 0 : split.outer * split.inner, split.extent, 0, "first largest"}, work,
                  builder);
}

}  // namespace lanewise
