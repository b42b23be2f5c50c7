// The yardstick of the benches; no part of a network.
#pragma once
#include <stddef.h>

namespace lanewise {

// Runs `rounds` rounds of independent multiply-adds on y[0 .. lanes) * y[lanes .. 2*lanes), leaves their sum in
// y[0 .. lanes), and returns how many multiply-adds that was, one per lane.
using FmaProbe = size_t (*)(size_t rounds, float* y);

}  // namespace lanewise
