// Does jobs on threads of their own and brings the results back to the JavaScript thread that asked.
//
// libuv's pool is not used: its work cannot be cut short, so terminating a worker would wait for every run in flight.
// Threads here are process-wide and never end; each environment has a CompletionPort, which a thread may only use while
// the environment is alive. Teardown closes the port first (under its lock), raises the stop flag of every job, and
// waits for those that read JavaScript memory.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>
#include <set>
#include <utility>

#include "core/monitor.h"
#include "core/status.h"

namespace lanewise {

class CompletionPort;

// Work for a thread and a promise for its outcome. plan_jobs.h, weight_file_object.cc and freed_function.cc have those
// there are.
class Job {
 public:
  Job(Napi::Env env, std::shared_ptr<std::atomic<bool>> stop)
      : deferred_(Napi::Promise::Deferred::New(env)), stop_(std::move(stop)) {}
  virtual ~Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  Napi::Promise promise() const { return deferred_.Promise(); }

 protected:
  // On a thread of the executor. Looks at `stop` as often as it can.
  virtual Status Execute(const std::atomic<bool>& stop) = 0;
  // On the JavaScript thread, after success: what the promise resolves with.
  virtual Napi::Value Result(Napi::Env env) = 0;
  // That the next one is likely soon, and that there are processors for it and for JavaScript.
  void ExpectAnother() { another_ = true; }
  // A JavaScript value whose memory Execute reads: kept alive until the job is done, and teardown waits for Execute.
  void Borrow(const Napi::Object& value);

 private:
  friend class CompletionPort;
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<std::atomic<bool>> stop_;
  // No Napi::Reference: a job may be deleted on any thread, when its environment is gone and has freed this itself.
  napi_ref borrowed_ = nullptr;
  bool another_ = false;
  Status status_;
  std::shared_ptr<CompletionPort> port_;
};

class CompletionPort {
 public:
  static std::shared_ptr<CompletionPort> Create(Napi::Env env);
  // JavaScript thread: takes the job and keeps the event loop alive until it is done.
  void Submit(std::shared_ptr<CompletionPort> self, std::unique_ptr<Job> job);
  // A thread of the executor: does the job and hands it to the JavaScript thread, or drops it when the environment is
  // gone. Whether another is likely to follow soon.
  static bool Process(Job* job);

 private:
  // False when the environment is gone: the job must not be touched but by Complete.
  bool Begin(const Job& job);
  void End(const Job& job);
  void Complete(Job* job);
  static void Settle(Napi::Env env, Job* job);
  static void OnCompletion(napi_env env, napi_value callback, void* context, void* data);
  void Close();

  Monitor monitor_;
  bool closed_ = false;
  int borrowing_ = 0;  // jobs under way that read JavaScript memory
  std::set<Job*> jobs_;
  napi_env env_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace lanewise
