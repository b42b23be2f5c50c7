#include "core/monitor.h"

#include <cstddef>
#include <new>

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#endif

namespace lanewise {

#if defined(_WIN32)

struct Monitor::Native {
  SRWLOCK lock = SRWLOCK_INIT;
  CONDITION_VARIABLE condition = CONDITION_VARIABLE_INIT;
};
Monitor::Monitor() : native_(new (storage_) Native) {}
Monitor::~Monitor() = default;
void Monitor::Lock() { AcquireSRWLockExclusive(&native_->lock); }
void Monitor::Unlock() { ReleaseSRWLockExclusive(&native_->lock); }
void Monitor::Wait() { SleepConditionVariableSRW(&native_->condition, &native_->lock, INFINITE, 0); }
void Monitor::NotifyOne() { WakeConditionVariable(&native_->condition); }
void Monitor::NotifyAll() { WakeAllConditionVariable(&native_->condition); }

namespace {
struct Start {
  void (*function)(void*);
  void* argument;
};
}  // namespace

bool StartDetachedThread(void (*function)(void*), void* argument) {
  auto* start = new (std::nothrow) Start{function, argument};
  if (start == nullptr) return false;
  const HANDLE thread = CreateThread(
      nullptr, 0,
      [](LPVOID p) -> DWORD {
        const Start copy = *static_cast<Start*>(p);
        delete static_cast<Start*>(p);
        copy.function(copy.argument);
        return 0;
      },
      start, 0, nullptr);
  if (thread == nullptr) {
    delete start;
    return false;
  }
  CloseHandle(thread);
  return true;
}
void YieldThread() { SwitchToThread(); }

#else

struct Monitor::Native {
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
};
Monitor::Monitor() : native_(new (storage_) Native) {
  static_assert(sizeof(Native) <= sizeof(storage_) && alignof(Native) <= alignof(std::max_align_t));
}
Monitor::~Monitor() {
  pthread_cond_destroy(&native_->condition);
  pthread_mutex_destroy(&native_->mutex);
}
void Monitor::Lock() { pthread_mutex_lock(&native_->mutex); }
void Monitor::Unlock() { pthread_mutex_unlock(&native_->mutex); }
void Monitor::Wait() { pthread_cond_wait(&native_->condition, &native_->mutex); }
void Monitor::NotifyOne() { pthread_cond_signal(&native_->condition); }
void Monitor::NotifyAll() { pthread_cond_broadcast(&native_->condition); }

namespace {
struct Start {
  void (*function)(void*);
  void* argument;
};
}  // namespace

bool StartDetachedThread(void (*function)(void*), void* argument) {
  auto* start = new (std::nothrow) Start{function, argument};
  if (start == nullptr) return false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Signals belong to the threads that Node runs.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int error = pthread_create(
      &thread, &attributes,
      [](void* p) -> void* {
        const Start copy = *static_cast<Start*>(p);
        delete static_cast<Start*>(p);
        copy.function(copy.argument);
        return nullptr;
      },
      start);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (error != 0) delete start;
  return error == 0;
}
void YieldThread() { sched_yield(); }

#endif

}  // namespace lanewise
