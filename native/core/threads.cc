#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "core/flush.h"
#include "core/monitor.h"
#include "cpu/processors.h"

namespace lanewise {
namespace {

inline void Pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// About 20 microseconds on current processors: longer than the gap between two steps, far shorter than a time slice.
constexpr int kSpins = 1000;

struct alignas(64) Counter {
  std::atomic<uint32_t> value{0};
};

struct Shared {
  // The current task, published by raising `generation`. The counters come first: each fills a cache line.
  Counter generation;
  Counter pending;
  TaskFunction function = nullptr;
  void* argument = nullptr;
  size_t items = 0;
  int participants = 1;

  int started = 1;  // workers 1 .. started-1 exist
  int sleeping = 0;
  Monitor monitor;                // guards `sleeping`; wakes workers
  std::atomic<bool> busy{false};  // a run has the pool

  std::atomic<int> requested{0};
  int by_default = 1;
  std::string environment_error;
};

Shared& State() {
  static Shared* state = new Shared;
  return *state;
}

void RunShare(Shared& s, int worker) {
  const size_t n = s.items, count = static_cast<size_t>(s.participants), w = static_cast<size_t>(worker);
  const size_t begin = n * w / count, end = n * (w + 1) / count;
  if (begin < end) s.function(s.argument, begin, end, worker);
}

void WorkerMain(int worker, uint32_t seen) {
  Shared& s = State();
  const ScopedFlush flush;
  for (;;) {
    for (int i = 0; i < kSpins && s.generation.value.load(std::memory_order_acquire) == seen; ++i) Pause();
    if (s.generation.value.load(std::memory_order_acquire) == seen) {
      s.monitor.Lock();
      ++s.sleeping;
      while (s.generation.value.load(std::memory_order_acquire) == seen) s.monitor.Wait();
      --s.sleeping;
      s.monitor.Unlock();
    }
    seen = s.generation.value.load(std::memory_order_acquire);
    if (worker < s.participants) RunShare(s, worker);
    s.pending.value.fetch_sub(1, std::memory_order_release);
  }
}

struct WorkerStart {
  int worker;
  uint32_t seen;
};

// Starts workers until `count` threads, the caller included, exist; fewer when the system refuses.
void EnsureStarted(Shared& s, int count) {
  while (s.started < count) {
    auto* start = new (std::nothrow) WorkerStart{s.started, s.generation.value.load(std::memory_order_relaxed)};
    const bool ok = start != nullptr && StartDetachedThread(
                                            [](void* p) {
                                              const WorkerStart copy = *static_cast<WorkerStart*>(p);
                                              delete static_cast<WorkerStart*>(p);
                                              WorkerMain(copy.worker, copy.seen);
                                            },
                                            start);
    if (!ok) {
      delete start;
      return;
    }
    ++s.started;
  }
}

}  // namespace

ThreadPool::ThreadPool() {
  Shared& s = State();
  s.by_default = AvailableProcessors();
  if (const char* text = std::getenv("LANEWISE_THREADS")) {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > kMaxThreads) {
      s.environment_error =
          "LANEWISE_THREADS: expected a number from 1 to " + std::to_string(kMaxThreads) + ", got '" + text + "'";
    } else {
      s.by_default = static_cast<int>(value);
    }
  }
}

ThreadPool& ThreadPool::Instance() {
  static ThreadPool* pool = new ThreadPool;
  return *pool;
}

int ThreadPool::threads() const {
  Shared& s = State();
  const int requested = s.requested.load(std::memory_order_relaxed);
  return requested > 0 ? requested : s.by_default;
}

void ThreadPool::SetThreads(int count) { State().requested.store(std::clamp(count, 0, kMaxThreads)); }

const char* ThreadPool::environment_error() const {
  const std::string& error = State().environment_error;
  return error.empty() ? nullptr : error.c_str();
}

ThreadPool::Session::Session(int threads) {
  if (threads <= 1) return;
  Shared& s = State();
  bool expected = false;
  if (!s.busy.compare_exchange_strong(expected, true, std::memory_order_acquire)) return;
  EnsureStarted(s, std::min(threads, kMaxThreads));
  threads_ = std::min(threads, s.started);
  if (threads_ == 1) s.busy.store(false, std::memory_order_release);
}

ThreadPool::Session::~Session() {
  if (threads_ > 1) State().busy.store(false, std::memory_order_release);
}

void ThreadPool::Session::Run(size_t items, TaskFunction function, void* argument) {
  if (threads_ == 1 || items < 2) {
    if (items > 0) function(argument, 0, items, 0);
    return;
  }
  Shared& s = State();
  s.function = function;
  s.argument = argument;
  s.items = items;
  s.participants = threads_;
  // Every worker that exists sees every generation, also those without a share: each must count down.
  s.pending.value.store(static_cast<uint32_t>(s.started - 1), std::memory_order_relaxed);
  s.generation.value.fetch_add(1, std::memory_order_release);
  s.monitor.Lock();
  if (s.sleeping > 0) s.monitor.NotifyAll();
  s.monitor.Unlock();
  RunShare(s, 0);
  for (int i = 0; s.pending.value.load(std::memory_order_acquire) != 0; ++i) {
    if (i < kSpins) {
      Pause();
    } else {
      YieldThread();  // a worker lost its processor
    }
  }
}

}  // namespace lanewise
