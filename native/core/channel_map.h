// Channels of a blocked tensor taken from arbitrary channels of blocked tensors, in one pass.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/step.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

struct TensorChannel {
  size_t source;  // which of the tensors
  int64_t channel;
};

// Writes channels[c] into channel c of `target`. All tensors are blocked and equal but for their channels.
std::unique_ptr<Step> MakeChannelMap(const std::vector<Tensor>& sources, const std::vector<TensorChannel>& channels,
                                     const Tensor& target, const KernelTable& kernels);

}  // namespace lanewise
