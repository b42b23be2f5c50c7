// Changes of layout, and the filling of halos.
#pragma once
#include <memory>

#include "core/step.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

// Copies `source` into `target`, same shape, any two layouts. The target's halo is not touched.
std::unique_ptr<Step> MakeReorder(const Tensor& source, const Tensor& target, const KernelTable& kernels);
// What a profile calls it, e.g. "nchw>blocked".
const char* ReorderName(Layout source, Layout target);

// Writes the border of every plane: zero, or `value[channel]` (padded to whole blocks; the pointer must outlive the
// step).
std::unique_ptr<Step> MakeHaloFill(const Tensor& target, const float* value);

// Two steps that touch disjoint memory, as one: no barrier between filling a halo and writing what it surrounds.
std::unique_ptr<Step> MakeParallel(std::unique_ptr<Step> first, std::unique_ptr<Step> second);

}  // namespace lanewise
