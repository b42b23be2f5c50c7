// Buffers of equal purpose that runs of a plan take and give back, so that the pages of one run serve the next.
#pragma once
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/monitor.h"
#include "core/status.h"

namespace lanewise {

class RunMemory {
 public:
  // `what` begins the message when there is none left. More than `most_idle` that no run is using are not kept.
  RunMemory(const char* what, size_t most_idle) : what_(what), most_idle_(most_idle) {}

  // One that no run is using and that has `floats`, or a new one.
  Status Take(size_t floats, std::unique_ptr<Buffer>* buffer);
  void Return(std::unique_ptr<Buffer> buffer) noexcept;
  // Of all, idle or taken.
  size_t bytes() const;

 private:
  const char* what_;
  size_t most_idle_;
  mutable Monitor monitor_;
  std::vector<std::unique_ptr<Buffer>> idle_;
  size_t count_ = 0, bytes_ = 0;  // of all
};

}  // namespace lanewise
