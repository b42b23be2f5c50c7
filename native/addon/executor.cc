#include "addon/executor.h"

#include <cstring>
#include <deque>

#include "addon/errors.h"
#include "core/threads.h"

namespace lanewise {
namespace {

// The queue and its threads: as many as processors, started as jobs wait.
struct Queue {
  Monitor monitor;
  std::deque<Job*> jobs;
  int threads = 0;
  int idle = 0;
};

Queue& TheQueue() {
  static Queue* queue = new Queue;  // outlives static destruction: its threads may still run then
  return *queue;
}

void Execute(Job* job) {
  if (!job->stop->load(std::memory_order_relaxed)) {
    std::vector<const float*> inputs;
    std::vector<float*> outputs;
    for (const Buffer& b : job->inputs) inputs.push_back(b.data());
    for (Buffer& b : job->outputs) outputs.push_back(b.data());
    RunOptions options;
    options.inputs = inputs.data();
    options.outputs = outputs.data();
    options.threads = job->threads;
    options.stop = job->stop.get();
    options.step_ms = job->step_ms.empty() ? nullptr : job->step_ms.data();
    job->status = job->plan->Run(options);
  } else {
    job->status = {Code::kAborted, "the run was aborted"};
  }
}

void RunnerMain(void*) {
  Queue& q = TheQueue();
  for (;;) {
    q.monitor.Lock();
    ++q.idle;
    while (q.jobs.empty()) q.monitor.Wait();
    --q.idle;
    Job* job = q.jobs.front();
    q.jobs.pop_front();
    q.monitor.Unlock();
    Execute(job);
    const std::shared_ptr<CompletionPort> port = job->port;
    port->Complete(job);
  }
}

// False when no thread exists and none can be started.
bool Enqueue(Job* job) {
  Queue& q = TheQueue();
  q.monitor.Lock();
  if (static_cast<size_t>(q.idle) <= q.jobs.size() && q.threads < ThreadPool::Instance().threads() &&
      StartDetachedThread(RunnerMain, nullptr)) {
    ++q.threads;
  }
  const bool ok = q.threads > 0;
  if (ok) q.jobs.push_back(job);
  q.monitor.NotifyAll();
  q.monitor.Unlock();
  return ok;
}

Napi::Value Result(Napi::Env env, const Job& job) {
  Napi::Array outputs = Napi::Array::New(env, job.outputs.size());
  for (size_t i = 0; i < job.outputs.size(); ++i) {
    const Buffer& b = job.outputs[i];
    Napi::Float32Array array = Napi::Float32Array::New(env, b.size());
    if (b.size() > 0) std::memcpy(array.Data(), b.data(), b.bytes());
    outputs.Set(static_cast<uint32_t>(i), array);
  }
  if (job.step_ms.empty()) return outputs;
  Napi::Float64Array times = Napi::Float64Array::New(env, job.step_ms.size());
  std::memcpy(times.Data(), job.step_ms.data(), job.step_ms.size() * sizeof(double));
  Napi::Object result = Napi::Object::New(env);
  result.Set("outputs", outputs);
  result.Set("stepMs", times);
  return result;
}

}  // namespace

std::shared_ptr<CompletionPort> CompletionPort::Create(Napi::Env env) {
  auto port = std::make_shared<CompletionPort>();
  port->env_ = env;
  napi_value name = Napi::String::New(env, "lanewise run");
  const napi_status status = napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr,
                                                             port.get(), OnCompletion, &port->function_);
  if (status != napi_ok) throw Napi::Error::New(env, "cannot create a thread-safe function");
  napi_unref_threadsafe_function(env, port->function_);
  // Registered after the function's own hook and so run before it. The port itself stays with its last job.
  auto* held = new std::shared_ptr<CompletionPort>(port);
  napi_add_env_cleanup_hook(
      env,
      [](void* p) {
        auto* port_pointer = static_cast<std::shared_ptr<CompletionPort>*>(p);
        (*port_pointer)->Close();
        delete port_pointer;
      },
      held);
  return port;
}

void CompletionPort::Close() {
  monitor_.Lock();
  closed_ = true;
  for (Job* job : jobs_) job->stop->store(true, std::memory_order_relaxed);
  monitor_.Unlock();
}

void CompletionPort::Submit(std::shared_ptr<CompletionPort> self, std::unique_ptr<Job> job) {
  Job* raw = job.release();
  raw->port = std::move(self);
  monitor_.Lock();
  if (jobs_.empty()) napi_ref_threadsafe_function(env_, function_);
  jobs_.insert(raw);
  monitor_.Unlock();
  if (!Enqueue(raw)) {
    raw->status = Status::OutOfMemory("cannot start a thread");
    Complete(raw);
  }
}

void CompletionPort::Complete(Job* job) {
  monitor_.Lock();
  // The job's promise belongs to an environment that is gone when the port is closed: only plain memory may be touched.
  const bool delivered = !closed_ && napi_call_threadsafe_function(function_, job, napi_tsfn_nonblocking) == napi_ok;
  if (!delivered) jobs_.erase(job);
  monitor_.Unlock();
  if (!delivered) delete job;
}

void CompletionPort::OnCompletion(napi_env raw_env, napi_value, void* context, void* data) {
  std::unique_ptr<Job> job(static_cast<Job*>(data));
  if (raw_env == nullptr) return;  // the environment is being torn down
  auto* port = static_cast<CompletionPort*>(context);
  port->monitor_.Lock();
  port->jobs_.erase(job.get());
  if (port->jobs_.empty()) napi_unref_threadsafe_function(raw_env, port->function_);
  port->monitor_.Unlock();
  const Napi::Env env(raw_env);
  const Napi::HandleScope scope(env);
  try {
    if (job->status.ok()) {
      job->deferred.Resolve(Result(env, *job));
    } else {
      job->deferred.Reject(ToError(env, job->status).Value());
    }
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());
  }
}

}  // namespace lanewise
