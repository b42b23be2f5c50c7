#include "addon/executor.h"

#include <chrono>
#include <deque>

#include "addon/errors.h"
#include "core/threads.h"

namespace lanewise {
namespace {

// How long a thread looks for the next job before it sleeps, where one is expected. Waking it takes the JavaScript
// thread as long as all else it does for a run, and a loop of runs comes back in that time: with two threads it saves 2
// to 11 % of a network of 2 to 5 ms. Runs of one thread gain nothing: theirs is woken where JavaScript has just gone to
// sleep, beside the inputs it has copied.
constexpr auto kWaitForAnother = std::chrono::microseconds(400);
// Looks between two glances at the clock.
constexpr int kLooks = 64;

// The queue and its threads: as many as processors, started as jobs wait. They never end, so their code must stay when
// the last worker that loaded the addon is gone: Node.js unloads it then. Hence -z nodelete where the addon is linked.
struct Queue {
  Monitor monitor;
  std::deque<Job*> jobs;
  std::atomic<size_t> waiting{0};  // jobs.size(), for the one that looks
  int threads = 0;
  int idle = 0;
  bool looking = false;  // one of the idle does, the others sleep
};

Queue& TheQueue() {
  static Queue* queue = new Queue;  // outlives static destruction: its threads may still run then
  return *queue;
}

// Until a job waits, or for a while.
void Look(const Queue& q) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + kWaitForAnother;
  do {
    for (int i = 0; i < kLooks; ++i) {
      if (q.waiting.load(std::memory_order_relaxed) > 0) return;
      Pause();
    }
    YieldThread();  // JavaScript may have been woken on this processor
  } while (Clock::now() < end);
}

void RunnerMain(void*) {
  Queue& q = TheQueue();
  for (bool another = false;;) {
    q.monitor.Lock();
    ++q.idle;
    if (another && q.jobs.empty() && !q.looking) {
      q.looking = true;
      q.monitor.Unlock();
      Look(q);
      q.monitor.Lock();
      q.looking = false;
    }
    while (q.jobs.empty()) q.monitor.Wait();
    --q.idle;
    Job* job = q.jobs.front();
    q.jobs.pop_front();
    q.waiting.store(q.jobs.size(), std::memory_order_relaxed);
    q.monitor.Unlock();
    another = CompletionPort::Process(job);
  }
}

Status Enqueue(Job* job) {
  Queue& q = TheQueue();
  const Locked locked(q.monitor);
  if (static_cast<size_t>(q.idle) <= q.jobs.size() && q.threads < ThreadPool::Instance().threads() &&
      StartDetachedThread(RunnerMain, nullptr)) {
    ++q.threads;
  }
  if (q.threads == 0) return Status::OutOfMemory("cannot start a thread");
  q.jobs.push_back(job);
  q.waiting.store(q.jobs.size(), std::memory_order_relaxed);
  if (!q.looking || q.jobs.size() > 1) q.monitor.NotifyOne();
  return Status::Ok();
}

}  // namespace

void Job::Borrow(const Napi::Object& value) {
  if (napi_create_reference(value.Env(), value, 1, &borrowed_) != napi_ok) throw Napi::Error::New(value.Env());
}

std::shared_ptr<CompletionPort> CompletionPort::Create(Napi::Env env) {
  auto port = std::make_shared<CompletionPort>();
  port->env_ = env;
  napi_value name = Napi::String::New(env, "lanewise job");
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
  for (Job* job : jobs_) job->stop_->store(true, std::memory_order_relaxed);
  while (borrowing_ > 0) monitor_.Wait();
  monitor_.Unlock();
}

void CompletionPort::Submit(std::shared_ptr<CompletionPort> self, std::unique_ptr<Job> job) {
  Job* raw = job.get();
  raw->port_ = std::move(self);
  {
    const Locked locked(monitor_);
    jobs_.insert(raw);  // without memory this throws, and the job was never there
    if (jobs_.size() == 1) napi_ref_threadsafe_function(env_, function_);
  }
  static_cast<void>(job.release());
  Status status = ReportOutOfMemory([&] { return Enqueue(raw); });
  if (!status.ok()) {
    raw->status_ = std::move(status);
    Complete(raw);
  }
}

bool CompletionPort::Process(Job* job) {
  const std::shared_ptr<CompletionPort> port = job->port_;
  const bool another = job->another_;
  const bool alive = port->Begin(*job);
  if (alive && !job->stop_->load(std::memory_order_relaxed)) {
    job->status_ = ReportOutOfMemory([&] { return job->Execute(*job->stop_); });
  } else {
    job->status_ = {Code::kAborted, "it was aborted"};
  }
  if (alive) port->End(*job);
  port->Complete(job);
  return another;
}

bool CompletionPort::Begin(const Job& job) {
  monitor_.Lock();
  const bool alive = !closed_;
  if (alive && job.borrowed_ != nullptr) ++borrowing_;
  monitor_.Unlock();
  return alive;
}

void CompletionPort::End(const Job& job) {
  if (job.borrowed_ == nullptr) return;
  monitor_.Lock();
  --borrowing_;
  monitor_.NotifyAll();
  monitor_.Unlock();
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
  try {
    Settle(raw_env, job.get());
  } catch (const Napi::Error&) {
    // A worker that is being terminated can make neither values nor errors, and nobody waits for them.
  }
}

void CompletionPort::Settle(Napi::Env env, Job* job) {
  const Napi::HandleScope scope(env);
  if (job->borrowed_ != nullptr) napi_delete_reference(env, job->borrowed_);
  if (!job->status_.ok()) return job->deferred_.Reject(ToError(env, job->status_).Value());
  try {
    job->deferred_.Resolve(job->Result(env));
  } catch (const Napi::Error& error) {
    job->deferred_.Reject(error.Value());
  } catch (const std::exception&) {  // of the standard library; it throws when memory runs out, and only then
    job->deferred_.Reject(ToError(env, Status::OutOfMemory()).Value());
  }
}

}  // namespace lanewise
