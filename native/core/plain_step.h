// Operators for which plain tensors (row-major, without gaps) are good enough: the family brings the work on a range of
// rows, and everything around it is here.
#pragma once
#include <functional>
#include <string>

#include "core/builder.h"

namespace lanewise {

// Where the operands of a plain step begin, in the order of its StepSpec.
class PlainRun {
 public:
  PlainRun(const RunContext& context, const std::vector<int>& inputs, const std::vector<int>& outputs)
      : context_(context), inputs_(inputs), outputs_(outputs) {}

  const float* x(size_t i = 0) const { return context_.Data(inputs_[i]); }
  float* y(size_t i = 0) const { return context_.Data(outputs_[i]); }
  const RunContext& context() const { return context_; }
  // This thread's, as much as was reserved.
  float* scratch() const { return context_.scratch; }

 private:
  const RunContext& context_;
  const std::vector<int>& inputs_;
  const std::vector<int>& outputs_;
};

// Computes rows [begin, end); rows write elements of their own.
using PlainWork = std::function<void(const PlainRun& run, int64_t begin, int64_t end)>;

struct PlainRows {
  int64_t count;
  int64_t cost;  // of one, in elements moved or multiply-adds: how many make an item
  int64_t macs = 0;
  const char* kernel = "plain";
};

// Adds the current operator as one step on plain tensors.
Status AddPlain(const StepSpec& step, const PlainRows& rows, PlainWork work, PlanBuilder& builder);

// A shape as [outer, extent, inner] around an axis.
struct AxisSplit {
  int64_t outer = 1, extent = 1, inner = 1;
};
AxisSplit SplitAt(const Shape& shape, int axis);

}  // namespace lanewise
