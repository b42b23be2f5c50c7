#include "failing_allocation.h"

#include <atomic>
#include <cstdlib>
#include <new>

// Sanitizers bring an mmap and an operator new of their own; the latter may be replaced.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define LANEWISE_FAILING_MMAP 1
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace lanewise::test {
namespace {

std::atomic<size_t> requests{0}, first_refused{0};
std::atomic<bool> refuse_all{false};
std::atomic<ptrdiff_t> live{0};

bool Refused() {
  const size_t n = requests.fetch_add(1, std::memory_order_relaxed) + 1, first = first_refused.load();
  return first != 0 && (refuse_all.load() ? n >= first : n == first);
}

void* Give(size_t size, size_t alignment) {
  if (Refused()) return nullptr;
  const size_t whole = (size + alignment - 1) / alignment * alignment;
  void* p = alignment <= alignof(std::max_align_t) ? std::malloc(size == 0 ? 1 : size)
                                                   : std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (p != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return p;
}
void* GiveOrThrow(size_t size, size_t alignment) {
  void* p = Give(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void Take(void* p) {
  if (p != nullptr) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(p);
}

}  // namespace

void FailAllocation(size_t n, Refuse refuse) {
  first_refused = 0;
  refuse_all = refuse == Refuse::kAllFrom;
  requests = 0;
  first_refused = n;
}
size_t RequestsSeen() { return requests; }
ptrdiff_t LiveAllocations() { return live; }

}  // namespace lanewise::test

using lanewise::test::Give;
using lanewise::test::GiveOrThrow;
using lanewise::test::Take;

constexpr size_t kUsual = alignof(std::max_align_t);
size_t Of(std::align_val_t alignment) { return static_cast<size_t>(alignment); }

// clang-format off
void* operator new(size_t n) { return GiveOrThrow(n, kUsual); }
void* operator new[](size_t n) { return GiveOrThrow(n, kUsual); }
void* operator new(size_t n, std::align_val_t a) { return GiveOrThrow(n, Of(a)); }
void* operator new[](size_t n, std::align_val_t a) { return GiveOrThrow(n, Of(a)); }
void* operator new(size_t n, const std::nothrow_t&) noexcept { return Give(n, kUsual); }
void* operator new[](size_t n, const std::nothrow_t&) noexcept { return Give(n, kUsual); }
void* operator new(size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return Give(n, Of(a)); }
void* operator new[](size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return Give(n, Of(a)); }
void operator delete(void* p) noexcept { Take(p); }
void operator delete[](void* p) noexcept { Take(p); }
void operator delete(void* p, size_t) noexcept { Take(p); }
void operator delete[](void* p, size_t) noexcept { Take(p); }
void operator delete(void* p, std::align_val_t) noexcept { Take(p); }
void operator delete[](void* p, std::align_val_t) noexcept { Take(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { Take(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { Take(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { Take(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { Take(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { Take(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { Take(p); }
// clang-format on

#if defined(LANEWISE_FAILING_MMAP)
// Large buffers. A mapping is cut to size by munmap, so it is not counted as live.
extern "C" void* mmap(void* where, size_t length, int protection, int flags, int file, off_t offset) noexcept {
  if (lanewise::test::Refused()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(syscall(SYS_mmap, where, length, protection, flags, file, offset));
}
#endif
