// The reduction of blocked planes to one value per channel, which several operators begin with.
#pragma once
#include <memory>

#include "core/step.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

// One item per image and block: the reduction of channel c of image n goes to element n*image_stride + c*channel_stride
// of tensor `y`.
std::unique_ptr<Step> MakePlaneReduce(const KernelTable& kernels, Reduce fn, const Tensor& x, int y,
                                      int64_t image_stride, int64_t channel_stride);

}  // namespace lanewise
