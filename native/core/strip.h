// Two convolutions, or a convolution and a pooling, in strips of rows: the value between them is as large as an early
// layer's and is read once, so it never becomes a whole tensor. A few of its rows at a time are computed into a buffer
// that stays in the second cache, and read from there.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "core/step.h"
#include "core/tensor.h"

namespace lanewise {

class PlanBuilder;

// Rows of its input that a step reads for row r of its output: [r*stride - before, r*stride - before + extent).
struct RowWindow {
  int64_t stride = 1, before = 0, extent = 1;
};

// How a value is passed on.
struct Strip {
  int64_t buffer_rows = 0;  // that are there at the same time; 0: an ordinary tensor
  RowWindow window;         // of its reader
  int64_t items = 0;        // into which the rows of the result are divided; the buffer is filled once for each
};

// By value: those that the step after their own reads, and nobody else, and that the second cache cannot hold.
std::vector<Strip> FindStrips(const PlanBuilder& builder);

// Both steps, which are RowSteps, as one. `between` is what `first` writes and `second` reads, as they were told: its
// blocks are `buffer_rows` apart, border included.
std::unique_ptr<Step> MakeStrips(std::unique_ptr<Step> first, std::unique_ptr<Step> second, const Tensor& between,
                                 const Strip& strip, const Shape& result, PlanBuilder& builder);

}  // namespace lanewise
