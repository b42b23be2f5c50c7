// What the executor does for plans: run one, and build one.
#pragma once
#include <napi.h>

#include <memory>
#include <vector>

#include "addon/executor.h"
#include "addon/external_memory.h"
#include "core/buffer.h"
#include "core/plan.h"
#include "core/threads.h"

namespace lanewise {

// Owns copies of its inputs, since JavaScript may detach or resize the originals at any time.
class RunJob : public Job {
 public:
  RunJob(Napi::Env env, std::shared_ptr<std::atomic<bool>> stop, std::shared_ptr<Plan> plan)
      : Job(env, std::move(stop)), plan_(std::move(plan)) {}
  ~RunJob() override;
  RunJob(const RunJob&) = delete;
  RunJob& operator=(const RunJob&) = delete;
  // First; the size of each input is that of the plan's.
  Status CopyInputs(const std::vector<const void*>& inputs);
  void set_threads(int threads) {
    threads_ = threads;
    if (threads > 1 && ThreadPool::Instance().default_threads() > 1) ExpectAnother();
  }
  void Time() { step_ms_.resize(plan_->step_count()); }

 protected:
  Status Execute(const std::atomic<bool>& stop) override;
  // Array of outputs; {outputs, stepMs} when timed.
  Napi::Value Result(Napi::Env env) override;

 private:
  std::shared_ptr<Plan> plan_;
  std::unique_ptr<Buffer> copies_;
  std::vector<const float*> inputs_;  // in the copies
  std::vector<float*> outputs_;
  std::vector<double> step_ms_;  // filled when not empty
  int threads_ = 1;
};

// Creates a plan. The constants of `spec` are read where they are, in the arrays of `description`.
class BuildJob : public Job {
 public:
  BuildJob(Napi::Env env, std::shared_ptr<std::atomic<bool>> stop, const Napi::Object& description, PlanSpec spec,
           const KernelTable& kernels, std::shared_ptr<SharedWeights> shared, const PlanOptions& options);

 protected:
  Status Execute(const std::atomic<bool>& stop) override;
  Napi::Value Result(Napi::Env env) override;

 private:
  PlanSpec spec_;
  const KernelTable& kernels_;
  std::shared_ptr<SharedWeights> shared_;  // null: the plan packs for itself
  PlanOptions options_;
  std::unique_ptr<Plan> plan_;
};

}  // namespace lanewise
