#include "core/reclaim.h"

#include <utility>
#include <vector>

#include "core/monitor.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace lanewise {
namespace {

// Elsewhere the addon's code may be unloaded with the last worker, and no thread may be in it then.
#if defined(__linux__)
constexpr bool kMayOutliveCaller = true;
#else
constexpr bool kMayOutliveCaller = false;
#endif

// Other heaps than glibc's keep few pages, or cannot be told.
#if defined(__GLIBC__)
constexpr bool kTrims = true;
#else
constexpr bool kTrims = false;
#endif

struct Garbage {
  Monitor monitor;
  std::vector<std::shared_ptr<const void>> owners;
  bool wanted = false;     // something is to be done
  bool under_way = false;  // by one thread at a time: returning pages goes through the whole heap
};

Garbage& TheGarbage() {
  static Garbage* garbage = new Garbage;  // outlives static destruction: a thread may still be at it then
  return *garbage;
}

// With the lock held, which it lets go of meanwhile.
void FreeAll(Garbage& garbage) {
  garbage.under_way = true;
  while (garbage.wanted) {
    std::vector<std::shared_ptr<const void>> owners = std::move(garbage.owners);
    garbage.owners = {};
    garbage.wanted = false;
    garbage.monitor.Unlock();
    owners = {};
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
    garbage.monitor.Lock();
  }
  garbage.under_way = false;
  garbage.monitor.NotifyAll();
}

void FreeOnThread(void*) { AwaitFreed(); }

// With the lock held.
void Want(Garbage& garbage) {
  if (std::exchange(garbage.wanted, true) || garbage.under_way) return;  // a thread has it
  if (!StartDetachedThread(FreeOnThread, nullptr)) FreeAll(garbage);
}

}  // namespace

void FreeElsewhere(std::shared_ptr<const void> owner) {
  if (!kMayOutliveCaller) return;  // `owner` goes here
  Garbage& garbage = TheGarbage();
  const Locked locked(garbage.monitor);
  garbage.owners.push_back(std::move(owner));
  Want(garbage);
}

void ReturnFreeMemory() noexcept {
  if (!kTrims) return;
  Garbage& garbage = TheGarbage();
  const Locked locked(garbage.monitor);
  Want(garbage);
}

void AwaitFreed() {
  Garbage& garbage = TheGarbage();
  const Locked locked(garbage.monitor);
  while (garbage.under_way) garbage.monitor.Wait();
  if (garbage.wanted) FreeAll(garbage);
}

}  // namespace lanewise
