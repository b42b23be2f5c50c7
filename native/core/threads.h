// The process-wide pool. The caller is worker 0; the others spin for a while between tasks and then sleep, so that an
// idle process uses no CPU. Nothing is pinned. Work is divided in advance, which keeps data in the caches of the thread
// that made it; a thread that is done takes over what others have not begun, so that one without a processor delays
// nobody.
#pragma once
#include <cstddef>

#include "cpu/processors.h"

namespace lanewise {

// Called with [begin, end) of the items and the worker's number, several times for each worker.
using TaskFunction = void (*)(void* argument, size_t begin, size_t end, int worker);

class ThreadPool {
 public:
  static constexpr int kMaxThreads = kMaxProcessors;

  // Never destroyed: its threads outlive every environment.
  static ThreadPool& Instance();

  // Number of threads that runs use unless they say otherwise: SetThreads, else LANEWISE_THREADS, else the processors
  // that were available when the library was loaded. SetThreads(0) goes back to the default.
  int threads() const;
  int default_threads() const;
  void SetThreads(int count);
  // Null when LANEWISE_THREADS is fine or unset, else the text that is wrong with it.
  const char* environment_error() const;

  // A session holds the pool for one run. When another run has it, the session works on the calling thread alone.
  class Session {
   public:
    explicit Session(int threads);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    int threads() const { return threads_; }
    // Splits [0, items) over at most `threads` of the threads and returns when all are done.
    void Run(size_t items, TaskFunction function, void* argument, int threads = kMaxThreads);

   private:
    int threads_ = 1;
  };

 private:
  ThreadPool();
};

}  // namespace lanewise
