#include "core/buffer.h"

#include <cstdint>
#include <new>
#include <string>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace lanewise {
namespace {

// Weights are streamed from end to end, a page fault or a TLB miss every 4 KiB: large buffers ask for large pages.
constexpr size_t kHugePage = size_t{2} << 20;

size_t AllocatedBytes(size_t size) { return (size * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment; }
size_t AlignmentFor(size_t bytes) { return bytes >= kHugePage ? kHugePage : kAlignment; }

}  // namespace

Status Buffer::Allocate(size_t size, bool zeroed) {
  Free();
  if (size > (SIZE_MAX / sizeof(float)) - kAlignment) return Status::OutOfMemory("size overflows");
  // Whole cache lines, so that a vector load of the last packed element stays inside.
  const size_t bytes = AllocatedBytes(size);
  void* p = ::operator new(bytes == 0 ? kAlignment : bytes, std::align_val_t(AlignmentFor(bytes)), std::nothrow);
  if (p == nullptr) return Status::OutOfMemory(std::to_string(bytes) + " bytes");
#if defined(__linux__)
  if (bytes >= kHugePage) madvise(p, bytes, MADV_HUGEPAGE);  // a wish: nothing depends on it
#endif
  data_ = static_cast<float*>(p);
  size_ = size;
  if (zeroed) std::memset(data_, 0, bytes);
  return Status::Ok();
}

void Buffer::Free() {
  if (data_ != nullptr) ::operator delete(data_, std::align_val_t(AlignmentFor(AllocatedBytes(size_))));
  data_ = nullptr;
  size_ = 0;
}

}  // namespace lanewise
