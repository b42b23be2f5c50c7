#include "core/threads.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "core/flush.h"
#include "core/monitor.h"
#include "cpu/processors.h"

namespace lanewise {
namespace {

// How long a worker looks for the next task before it sleeps. Between two steps of a run the wait is short, and a
// worker that sleeps must be found a processor again; after a run another may follow at once.
constexpr auto kWaitInRun = std::chrono::microseconds(1000), kWaitAfterRun = std::chrono::microseconds(50);
// Looks between two glances at the clock.
constexpr int kLooks = 64;

// Every thread's share is cut into this many chunks, so that others can take over what a late one has not begun.
constexpr size_t kChunks = 8;

template <typename T>
struct alignas(64) Line {
  std::atomic<T> value{};
};

struct Shared {
  // Of the current task. `generation` publishes it; `left` counts the items that are not done; `claims` has, of each
  // share, the generation in the upper half and the next chunk in the lower.
  Line<uint32_t> generation;
  Line<size_t> left;
  Line<uint64_t> claims[ThreadPool::kMaxThreads];
  Monitor monitor;  // guards `sleeping`; wakes workers
  // Atomic, since a worker that comes late may read them while the next task is written; it finds out when it claims.
  std::atomic<TaskFunction> function{nullptr};
  std::atomic<void*> argument{nullptr};
  std::atomic<size_t> items{0};

  std::string environment_error;
  std::atomic<int> participants{1};
  std::atomic<int> caller_processor{-1};
  std::atomic<int> requested{0};
  int by_default = 1;
  int started = 1;  // workers 1 .. started-1 exist
  int sleeping = 0;
  std::atomic<bool> busy{false};     // a run has the pool
  std::atomic<bool> crowded{false};  // by more threads than there are processors
};

Shared& State() {
  static Shared* state = new Shared;
  return *state;
}

// [n * i / count, n * (i + 1) / count), rounded up: what does not divide goes to the first, for the caller is at work
// before the others have woken.
size_t Cut(size_t n, size_t i, size_t count) { return (n * i + count - 1) / count; }

// Takes the next chunk of a share, if the task is still the current one: its number, or kChunks.
size_t Claim(Line<uint64_t>& claims, uint32_t generation) {
  uint64_t claim = claims.value.load(std::memory_order_acquire);
  while (claim >> 32 == generation && static_cast<uint32_t>(claim) < kChunks) {
    if (claims.value.compare_exchange_weak(claim, claim + 1, std::memory_order_acq_rel)) {
      return static_cast<uint32_t>(claim);
    }
  }
  return kChunks;
}

// Does what there is of a task: first the own share, in order, then what others have not begun.
void Work(Shared& s, uint32_t generation, int worker) {
  const TaskFunction function = s.function.load(std::memory_order_relaxed);
  void* argument = s.argument.load(std::memory_order_relaxed);
  const size_t n = s.items.load(std::memory_order_relaxed);
  const int participants = s.participants.load(std::memory_order_relaxed);
  if (worker >= participants) return;
  const auto count = static_cast<size_t>(participants);
  for (size_t turn = 0; turn < count; ++turn) {
    const size_t share = (static_cast<size_t>(worker) + turn) % count;
    const size_t first = Cut(n, share, count), size = Cut(n, share + 1, count) - first;
    for (size_t chunk; (chunk = Claim(s.claims[share], generation)) < kChunks;) {
      // Claimed, so nobody has gone on to another task, and what was read above belongs to this one.
      const size_t begin = first + Cut(size, chunk, kChunks), end = first + Cut(size, chunk + 1, kChunks);
      if (begin == end) continue;
      function(argument, begin, end, worker);
      s.left.value.fetch_sub(end - begin, std::memory_order_release);
    }
  }
}

// Whether there is another task, waiting for it a while.
bool Comes(Shared& s, uint32_t seen) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  for (;;) {
    for (int i = 0; i < kLooks; ++i) {
      if (s.generation.value.load(std::memory_order_acquire) != seen) return true;
      Pause();
    }
    // On the caller's processor waiting would keep the caller from its work.
    const int processor = CurrentProcessor();
    if (processor >= 0 && processor == s.caller_processor.load(std::memory_order_relaxed) &&
        !LeaveProcessor(processor)) {
      return false;
    }
    const bool in_run = s.busy.load(std::memory_order_relaxed) && !s.crowded.load(std::memory_order_relaxed);
    if (Clock::now() - start > (in_run ? kWaitInRun : kWaitAfterRun)) return false;
  }
}

void WorkerMain(int worker, uint32_t seen) {
  Shared& s = State();
  const ScopedFlush flush;
  for (;;) {
    if (!Comes(s, seen)) {
      const Locked locked(s.monitor);
      ++s.sleeping;
      while (s.generation.value.load(std::memory_order_acquire) == seen) s.monitor.Wait();
      --s.sleeping;
    }
    seen = s.generation.value.load(std::memory_order_acquire);
    Work(s, seen, worker);
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

int ThreadPool::default_threads() const { return State().by_default; }

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
  s.crowded.store(threads_ > s.by_default, std::memory_order_relaxed);
  if (threads_ == 1) s.busy.store(false, std::memory_order_release);
}

ThreadPool::Session::~Session() {
  if (threads_ > 1) State().busy.store(false, std::memory_order_release);
}

void ThreadPool::Session::Run(size_t items, TaskFunction function, void* argument, int threads) {
  if (threads_ == 1 || threads <= 1 || items < 2) {
    if (items > 0) function(argument, 0, items, 0);
    return;
  }
  Shared& s = State();
  const int participants = std::clamp(threads, 1, threads_);
  s.function.store(function, std::memory_order_relaxed);
  s.argument.store(argument, std::memory_order_relaxed);
  s.items.store(items, std::memory_order_relaxed);
  s.participants.store(participants, std::memory_order_relaxed);
  s.caller_processor.store(CurrentProcessor(), std::memory_order_relaxed);
  s.left.value.store(items, std::memory_order_relaxed);
  const uint32_t generation = s.generation.value.load(std::memory_order_relaxed) + 1;
  for (int w = 0; w < participants; ++w) {
    s.claims[w].value.store(uint64_t{generation} << 32, std::memory_order_release);
  }
  s.generation.value.store(generation, std::memory_order_release);
  {
    const Locked locked(s.monitor);
    if (s.sleeping > 0) s.monitor.NotifyAll();
  }
  Work(s, generation, 0);
  // What is left is under way.
  for (int i = 0; s.left.value.load(std::memory_order_acquire) != 0; ++i) {
    if (i % kLooks == kLooks - 1) {
      YieldThread();  // perhaps a worker lost its processor
    } else {
      Pause();
    }
  }
}

}  // namespace lanewise
