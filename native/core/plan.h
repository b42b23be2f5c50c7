// A compiled network for one set of input shapes: steps over placed tensors. Immutable after Create; any number of runs
// may be under way at once, each with an arena of its own.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/builder.h"
#include "core/run_memory.h"

namespace lanewise {

// What a port of a plan takes or gives.
struct PortInfo {
  Element type;
  Shape shape;

  int64_t elements() const { return ElementCount(shape); }
  // Floats of memory that hold the elements.
  size_t floats() const { return static_cast<size_t>((elements() * ElementBytes(type) + 3) / 4); }
};

struct RunOptions {
  const float* const* inputs = nullptr;  // by port; elements of the port's type
  float* const* outputs = nullptr;
  bool has_copies = false;  // inputs are as Plan::CopyInputs made them
  int threads = 1;
  const std::atomic<bool>* stop = nullptr;  // looked at between steps
  double* step_ms = nullptr;                // one per step, when wanted
  double* step_clock = nullptr;             // CoreClock() behind each step, when wanted; needs step_ms
};

class Plan {
 public:
  static Status Create(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, std::unique_ptr<Plan>* plan,
                       const PlanOptions& options = {});

  Status Run(const RunOptions& options);

  const std::vector<PortInfo>& inputs() const { return inputs_; }
  const std::vector<PortInfo>& outputs() const { return outputs_; }
  size_t step_count() const { return steps_.size(); }
  const StepInfo& step_info(size_t i) const { return steps_[i]->info; }
  // Independent units of work of a step, and the most threads that share them in a run.
  size_t step_items(size_t i) const { return steps_[i]->items(); }
  int step_threads(size_t i) const;
  size_t arena_bytes() const { return static_cast<size_t>(arena_size_) * sizeof(float); }
  size_t constant_bytes() const { return constant_bytes_; }
  // Memory of this plan alone, now: arenas with their scratch memory, copies, and constants that no PackCache shares.
  size_t held_bytes() const;
  const KernelTable& kernels() const { return *kernels_; }

  // For callers whose own arrays may not be kept: room for copies of what comes in and goes out in one run, given back
  // afterwards.
  Status TakeCopies(std::unique_ptr<Buffer>* copies) { return copies_.Take(copies_size_, copies); }
  void ReturnCopies(std::unique_ptr<Buffer> copies) noexcept { copies_.Return(std::move(copies)); }
  float* InputCopy(Buffer& copies, size_t port) const { return copies.data() + input_copies_[port]; }
  float* OutputCopy(Buffer& copies, size_t port) const { return copies.data() + output_copies_[port]; }
  // An input that a run would only copy once more, to give it a halo, is copied with it: such a run saves the step.
  Status CopyInputs(const void* const* inputs, Buffer& copies) const;

 private:
  Plan() = default;
  // Create and Run without the guard against exhausted memory.
  static Status Build(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, std::unique_ptr<Plan>* plan,
                      const PlanOptions& options);
  // One attempt, with the direct form for the weights `direct`; no plan if any `failed` that are not among them.
  static Status TryToBuild(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs,
                           std::unique_ptr<Plan>* plan, const PlanOptions& options, const std::set<int>& direct,
                           std::set<int>* failed);
  Status RunSteps(const RunOptions& options);
  void CopyWithHalos(const void* const* inputs, Buffer& copies) const;

  const KernelTable* kernels_ = nullptr;
  std::vector<PortInfo> inputs_, outputs_;
  std::vector<PlacedTensor> placed_;
  std::vector<Storage> storages_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<std::shared_ptr<Buffer>> constants_;
  int64_t arena_size_ = 0;
  size_t scratch_ = 0;
  size_t constant_bytes_ = 0, own_constant_bytes_ = 0;
  std::vector<HaloCopy> halo_copies_;
  std::vector<size_t> input_copies_, output_copies_;  // where each port's begins
  size_t copies_size_ = 0;
  RunMemory arenas_{"activations", SIZE_MAX};
  RunMemory copies_{"inputs and outputs", 4};  // waiting runs have theirs too: few of a long queue's are kept
};

}  // namespace lanewise
