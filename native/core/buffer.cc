#include "core/buffer.h"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>

// Sanitizers see into the heap, not into mappings.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define LANEWISE_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define LANEWISE_SANITIZED 1
#endif
#if defined(__linux__) && !defined(LANEWISE_SANITIZED)
#define LANEWISE_MAPS 1
#include <sys/mman.h>
#endif

namespace lanewise {
namespace {

// Buffers of this size are mappings of their own, so that a buffer that is freed is memory of the system at once: a
// heap keeps what lies below a block in use, and raises the size from which it maps by itself. And their pages are
// made, as zeros, by whichever thread writes there first.
constexpr size_t kMapped = size_t{128} << 10;
// Weights are streamed from end to end, a page fault or a TLB miss every 4 KiB: large buffers ask for large pages.
// (Networks of 14 to 24 MB, in virtual machines: 1 to 2.5 %.)
constexpr size_t kLarge = size_t{2} << 20;  // a huge page

constexpr size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

#if defined(LANEWISE_MAPS)
constexpr bool kMapsAreZero = true;
constexpr size_t kLargestPage = size_t{64} << 10;  // a multiple of every size of a page

// Whole large pages from half of one on: activations, whose arena is one buffer, gained 0.3 to 1 % by it.
bool HasLargePages(size_t bytes) { return bytes >= kLarge / 2; }
size_t MappedLength(size_t bytes) { return RoundUp(bytes, HasLargePages(bytes) ? kLarge : kLargestPage); }

void* Map(size_t bytes) {
  const size_t length = MappedLength(bytes);
  if (!HasLargePages(bytes)) {
    void* p = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : p;
  }
  // One huge page more than wanted holds an aligned range; the rest goes back.
  void* whole = mmap(nullptr, length + kLarge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  auto* begin = static_cast<char*>(whole);
  const size_t before = RoundUp(reinterpret_cast<uintptr_t>(begin), kLarge) - reinterpret_cast<uintptr_t>(begin);
  char* aligned = begin + before;
  if (before > 0) munmap(begin, before);
  munmap(aligned + length, kLarge - before);
  madvise(aligned, length, MADV_HUGEPAGE);  // a wish: nothing depends on it
  return aligned;
}
void Unmap(void* p, size_t bytes) { munmap(p, MappedLength(bytes)); }
#else
constexpr bool kMapsAreZero = false;
std::align_val_t AlignmentOf(size_t bytes) { return std::align_val_t(bytes < kLarge ? kAlignment : kLarge); }
void* Map(size_t bytes) { return ::operator new(bytes, AlignmentOf(bytes), std::nothrow); }
void Unmap(void* p, size_t bytes) { ::operator delete(p, AlignmentOf(bytes)); }
#endif

// Whole cache lines, so that a vector load of the last packed element stays inside.
size_t AllocatedBytes(size_t size) { return RoundUp(std::max<size_t>(size * sizeof(float), 1), kAlignment); }

}  // namespace

Status Buffer::Allocate(size_t size, bool zeroed) {
  Free();
  if (size > (SIZE_MAX / sizeof(float)) - 2 * kLarge) return Status::OutOfMemory("size overflows");
  const size_t bytes = AllocatedBytes(size);
  const bool mapped = bytes >= kMapped;
  void* p = mapped ? Map(bytes) : ::operator new(bytes, std::align_val_t(kAlignment), std::nothrow);
  if (p == nullptr) return Status::OutOfMemory(std::to_string(bytes) + " bytes");
  if (zeroed && !(mapped && kMapsAreZero)) std::memset(p, 0, bytes);
  data_ = static_cast<float*>(p);
  size_ = size;
  return Status::Ok();
}

void Buffer::Free() {
  if (whole_ != nullptr) {
    whole_ = nullptr;
  } else if (data_ != nullptr) {
    const size_t bytes = AllocatedBytes(size_);
    if (bytes >= kMapped) {
      Unmap(data_, bytes);
    } else {
      ::operator delete(data_, std::align_val_t(kAlignment));
    }
  }
  data_ = nullptr;
  size_ = 0;
}

Status BufferPool::Allocate(size_t size, Buffer* buffer) {
  // Larger buffers have large pages by themselves.
  constexpr size_t kChunk = (size_t{32} << 20) / sizeof(float), kLargest = kChunk / 4;
  if (!kMapsAreZero || size > kLargest) return buffer->Allocate(size, /*zeroed=*/true);
  const size_t rounded = AllocatedBytes(size) / sizeof(float);
  if (chunk_ == nullptr || chunk_->size() - used_ < rounded) {
    auto chunk = std::make_shared<Buffer>();
    LANEWISE_RETURN_IF_ERROR(chunk->Allocate(kChunk, /*zeroed=*/true));
    chunk_ = std::move(chunk);
    used_ = 0;
  }
  *buffer = Buffer(chunk_, used_, size);
  used_ += rounded;
  return Status::Ok();
}

}  // namespace lanewise
