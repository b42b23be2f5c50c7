// Packing the constants of a plan. Building its steps only says what is to be packed; all of it is done at the end, by
// all threads of the plan.
#pragma once
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/buffer.h"
#include "core/monitor.h"
#include "core/plan_spec.h"
#include "core/status.h"

namespace lanewise {

// How a constant is packed: in one piece, or in parts that different threads may do at once, since each writes where no
// other does.
class Packer {
 public:
  // Elements of the constant that a part reads.
  struct Part {
    size_t first = 0, count = 0;
  };
  // Reads the elements of one part, from its first on, and writes into `packed`, which begins as zeros.
  using Pack = std::function<void(size_t part, const float* elements, float* packed)>;

  Packer(std::vector<Part> parts, Pack pack) : parts_(std::move(parts)), pack_(std::move(pack)) {}
  // In one piece.
  template <typename Function>
  explicit Packer(Function pack)
      : pack_([pack](size_t, const float* elements, float* packed) { pack(elements, packed); }) {}

  // Every element is multiplied by this first, and rounded.
  void MultiplyBy(float factor) { factor_ = factor; }
  float factor() const { return factor_; }

  // Of a constant of `size` elements.
  std::vector<Part> PartsOf(size_t size) const { return parts_.value_or(std::vector<Part>{{0, size}}); }
  void operator()(size_t part, const float* elements, float* packed) const { pack_(part, elements, packed); }

 private:
  std::optional<std::vector<Part>> parts_;  // null: one piece
  Pack pack_;
  float factor_ = 1;
};

// What packers find out about what they pack, on whatever thread: whether it may be used.
class PackVerdict {
 public:
  void Add(Status status);
  // Once no thread is at work.
  const Status& status() const { return status_; }

 private:
  Monitor monitor_;
  Status status_;
};

// What is to be packed. `constant` has to stay until then.
struct PackJob {
  const ValueSpec* constant;
  Packer packer;
  std::shared_ptr<Buffer> packed;
  std::string where;  // for messages
};

// Does all jobs on up to `threads` threads. Weights in a file are read part by part, into memory that each thread has
// for one part; between parts the stop flag is looked at.
Status RunPackJobs(const std::vector<PackJob>& jobs, int threads, const std::atomic<bool>* stop);

}  // namespace lanewise
