// One step of a plan: immutable after creation, split into items that may run on different threads in any order.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/buffer.h"
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
  // A tensor that this thread has for itself, a part of it at a time (strip.h).
  int local_tensor = -1;
  float* local = nullptr;
  // The first of the items that this thread has done one after the other, up to those of this call; no less than the
  // first of this call where it did others before. Where it is less, `scratch` is as the step left it.
  size_t since = SIZE_MAX;

  float* Data(int id) const { return id == local_tensor ? local : tensors[id]; }
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

// Packed weights in the order in which they are read.
struct WeightSpan {
  const float* data = nullptr;
  int64_t size = 0;
};
inline WeightSpan SpanOf(const std::shared_ptr<Buffer>& buffer) {
  return buffer == nullptr ? WeightSpan{} : WeightSpan{buffer->data(), static_cast<int64_t>(buffer->size())};
}

class RowStep;

class Step {
 public:
  virtual ~Step() = default;
  // Independent units of work; the run splits [0, items) over threads.
  virtual size_t items() const = 0;
  virtual void Run(const RunContext& context, size_t begin, size_t end) const = 0;
  // The step itself, if it is one of those.
  virtual const RowStep* AsRows() const { return nullptr; }
  // What the step reads from memory that no step before it has just written.
  virtual WeightSpan weights() const { return {}; }
  // Weights of the steps behind it, what is wanted first at the end: a step that computes more than it reads brings
  // them into the caches meanwhile.
  virtual void ReadAhead(const std::vector<WeightSpan>&) {}
  // Floats that it would bring.
  virtual int64_t ReadsAhead() const { return 0; }

  StepInfo info;
};

// A step that can also write rows of its output alone, all channels of an image.
class RowStep : public Step {
 public:
  virtual void RunRows(const RunContext& context, int64_t image, int64_t begin, int64_t end) const = 0;
  const RowStep* AsRows() const final { return this; }
};

}  // namespace lanewise
