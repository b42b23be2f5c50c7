// Runs plans on threads of their own and brings the results back to the JavaScript thread that asked.
//
// libuv's pool is not used: its work cannot be cut short, so terminating a worker would wait for every run in flight.
// Threads here are process-wide and never end; each environment has a CompletionPort, which a thread may only use while
// the environment is alive. Teardown closes the port first (under its lock) and raises the stop flag of every job.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>
#include <set>
#include <vector>

#include "core/buffer.h"
#include "core/monitor.h"
#include "core/plan.h"

namespace lanewise {

class CompletionPort;

// One run: owns copies of its inputs, since JavaScript may detach or resize the originals at any time.
struct Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}
  std::shared_ptr<Plan> plan;
  std::vector<Buffer> inputs, outputs;
  std::vector<double> step_ms;  // filled when not empty
  int threads = 1;
  std::shared_ptr<std::atomic<bool>> stop;
  Status status;
  Napi::Promise::Deferred deferred;
  std::shared_ptr<CompletionPort> port;
};

class CompletionPort {
 public:
  static std::shared_ptr<CompletionPort> Create(Napi::Env env);
  // JavaScript thread: takes the job and keeps the event loop alive until it is done.
  void Submit(std::shared_ptr<CompletionPort> self, std::unique_ptr<Job> job);
  // Any thread: hands a finished job to the JavaScript thread, or drops it when the environment is gone.
  void Complete(Job* job);

 private:
  static void OnCompletion(napi_env env, napi_value callback, void* context, void* data);
  void Close();

  Monitor monitor_;
  bool closed_ = false;
  std::set<Job*> jobs_;
  napi_env env_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace lanewise
