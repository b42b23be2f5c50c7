// Output channels of blocked tensors taken from arbitrary channels of blocked inputs: concatenation, split, slice,
// gather and shuffle of channels are all this one step.
#pragma once
#include <functional>
#include <vector>

#include "core/builder.h"

namespace lanewise {

struct ChannelSource {
  int input;  // which of the inputs
  int64_t channel;
};

// Reads `inputs` (value indices, rank 4, equal but for their channels), writes `outputs` (likewise); both blocked.
// `source(o, c)` says where channel c of output o comes from.
Status BuildChannelMap(const std::vector<int>& inputs, const std::vector<int>& outputs,
                       const std::function<ChannelSource(size_t, int64_t)>& source, PlanBuilder& builder);

}  // namespace lanewise
