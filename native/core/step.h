// One step of a plan: immutable after creation, split into items that may run on different threads in any order.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace lanewise {

struct RunContext {
  float* const* tensors;  // by Tensor::id, the first interior element of each
  float* scratch;         // this thread's, PlanBuilder::ReserveScratch() floats, 64-byte aligned

  float* Data(int id) const { return tensors[id]; }
};

// What a profile says of a step.
struct StepInfo {
  std::string name;    // the node it came from
  std::string op;      // its operator
  std::string kernel;  // e.g. "tile 14x2", "reorder nchw>blocked"
  int64_t macs = 0;
  int64_t bytes = 0;  // read and written at least once: tensors and weights
};

class Step {
 public:
  virtual ~Step() = default;
  // Independent units of work; the run splits [0, items) over threads.
  virtual size_t items() const = 0;
  virtual void Run(const RunContext& context, size_t begin, size_t end) const = 0;

  StepInfo info;
};

}  // namespace lanewise
