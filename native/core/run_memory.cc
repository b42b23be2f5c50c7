#include "core/run_memory.h"

#include <algorithm>

namespace lanewise {

Status RunMemory::Take(size_t floats, std::unique_ptr<Buffer>* buffer) {
  const Locked locked(monitor_);
  const auto fits = [&](const std::unique_ptr<Buffer>& kept) { return kept->size() >= floats; };
  const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
  if (found != idle_.end()) {
    *buffer = std::move(*found);
    idle_.erase(found);
    return Status::Ok();
  }
  if (!idle_.empty()) {
    // Made for a smaller need. It gives way, so that there are never more than runs were under way at once.
    bytes_ -= idle_.back()->bytes();
    --count_;
    idle_.pop_back();
  }
  idle_.reserve(count_ + 1);  // Return must not fail
  auto fresh = std::make_unique<Buffer>();
  Status status = fresh->Allocate(floats);
  if (!status.ok()) {
    status.message = what_ + (": " + status.message);
    return status;
  }
  bytes_ += fresh->bytes();
  ++count_;
  *buffer = std::move(fresh);
  return Status::Ok();
}

void RunMemory::Return(std::unique_ptr<Buffer> buffer) noexcept {
  const Locked locked(monitor_);
  if (idle_.size() < most_idle_) {
    idle_.push_back(std::move(buffer));
    return;
  }
  bytes_ -= buffer->bytes();
  --count_;
}

size_t RunMemory::bytes() const {
  const Locked locked(monitor_);
  return bytes_;
}

}  // namespace lanewise
