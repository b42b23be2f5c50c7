// One step of a plan: immutable after creation, split into items that may run on different threads in any order.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "core/status.h"

namespace lanewise {

// What ends a run from inside of a step, on whatever thread: the first failure counts.
class RunFailure {
 public:
  void Set(Status status) {
    if (!any_.exchange(true)) status_ = std::move(status);
  }
  bool any() const { return any_.load(); }
  // Between steps, when no thread is in one.
  const Status& status() const { return status_; }

 private:
  std::atomic<bool> any_{false};
  Status status_;
};

struct RunContext {
  float* const* tensors;          // by Tensor::id, the first interior element of each
  float* scratch;                 // this thread's, PlanBuilder::ReserveScratch() floats, 64-byte aligned
  RunFailure* failure = nullptr;  // null where a plan is being made

  float* Data(int id) const { return tensors[id]; }
  // The data cannot be computed with: the step may leave its outputs unwritten, and no later step runs.
  void Fail(Status status) const {
    if (failure != nullptr) failure->Set(std::move(status));
  }
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
