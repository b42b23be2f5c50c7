// Concatenation without copies: the parts of a channel concatenation are written where they belong in its result.
#pragma once
#include <vector>

#include "core/plan_spec.h"

namespace lanewise {

// The channels of a value are channels [channel, channel + C) of the value `root`.
struct ChannelShare {
  int root = kNone;  // kNone: the value has memory of its own
  int64_t channel = 0;
};

// By value. A part is shared when a step computes it, its channels begin at a block of the result, and no other
// concatenation has claimed it for another place. Concatenations of a growing list (dense blocks) all become prefixes
// of the longest. A root shares with itself at channel 0.
std::vector<ChannelShare> FindChannelShares(const PlanSpec& spec, int lanes);

}  // namespace lanewise
