#include "core/packing.h"

#include <algorithm>
#include <cstdint>

#include "core/monitor.h"
#include "core/threads.h"
#include "core/weight_file.h"

namespace lanewise {
namespace {

struct PackItem {
  const PackJob* job;
  size_t part;
  Packer::Part elements;
};

// The failure of the first item that failed, whichever thread came first: the message names the same step every time.
class FirstFailure {
 public:
  void Set(size_t item, Status status) {
    const Locked locked(monitor_);
    if (item >= item_.load(std::memory_order_relaxed)) return;
    item_.store(item, std::memory_order_relaxed);
    status_ = std::move(status);
  }
  // Whether an item before `item` has failed.
  bool Before(size_t item) const { return item_.load(std::memory_order_relaxed) < item; }
  // Once no thread is at work.
  const Status& status() const { return status_; }

 private:
  Monitor monitor_;
  std::atomic<size_t> item_{SIZE_MAX};
  Status status_;
};

struct PackTask {
  std::vector<PackItem> items;
  size_t scratch_size = 0;  // of a thread: the largest part that is read from a file, or multiplied
  Buffer scratch;
  const std::atomic<bool>* stop = nullptr;
  FirstFailure failure;
};

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

bool NeedsScratch(const PackJob& job) { return job.constant->stored != nullptr || job.packer.factor() != 1; }

Status PackOne(const PackItem& item, float* scratch) {
  const auto& [job, part, range] = item;
  const ValueSpec& constant = *job->constant;
  const float* elements = constant.data + range.first;
  if (constant.stored != nullptr) {
    Status status = constant.stored->Read(ElementCount(constant.shape), range.first, range.count, scratch);
    if (!status.ok()) {
      status.message = job->where + ": " + status.message;
      return status;
    }
    elements = scratch;
  }
  if (const float factor = job->packer.factor(); factor != 1) {
    for (size_t i = 0; i < range.count; ++i) scratch[i] = elements[i] * factor;
    elements = scratch;
  }
  job->packer(part, elements, job->packed->data());
  return Status::Ok();
}

void PackItems(void* argument, size_t begin, size_t end, int worker) {
  auto& task = *static_cast<PackTask*>(argument);
  float* scratch = task.scratch.data() + static_cast<size_t>(worker) * task.scratch_size;
  for (size_t i = begin; i < end && !IsSet(task.stop) && !task.failure.Before(i); ++i) {
    Status status = ReportOutOfMemory([&] { return PackOne(task.items[i], scratch); });
    if (!status.ok()) task.failure.Set(i, std::move(status));
  }
}

}  // namespace

void PackVerdict::Add(Status status) {
  if (status.ok()) return;
  const Locked locked(monitor_);
  // That it was not made to be packed so explains whatever else is found.
  if (status_.code != Code::kUnsupported) status_ = std::move(status);
}

Status RunPackJobs(const std::vector<PackJob>& jobs, int threads, const std::atomic<bool>* stop) {
  PackTask task;
  task.stop = stop;
  for (const PackJob& job : jobs) {
    const auto parts = job.packer.PartsOf(static_cast<size_t>(ElementCount(job.constant->shape)));
    for (size_t i = 0; i < parts.size(); ++i) {
      task.items.push_back({&job, i, parts[i]});
      if (NeedsScratch(job)) task.scratch_size = std::max(task.scratch_size, parts[i].count);
    }
  }
  ThreadPool::Session session(threads);
  if (task.scratch_size > 0) {
    LANEWISE_RETURN_IF_ERROR(task.scratch.Allocate(task.scratch_size * static_cast<size_t>(session.threads())));
  }
  session.Run(task.items.size(), PackItems, &task);
  LANEWISE_RETURN_IF_ERROR(task.failure.status());
  if (IsSet(stop)) return {Code::kAborted, "the plan was not finished"};
  return Status::Ok();
}

}  // namespace lanewise
