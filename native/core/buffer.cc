#include "core/buffer.h"

#include <cstdint>
#include <new>
#include <string>

namespace lanewise {

Status Buffer::Allocate(size_t size, bool zeroed) {
  Free();
  if (size > (SIZE_MAX / sizeof(float)) - kAlignment) return Status::OutOfMemory("size overflows");
  // Whole cache lines, so that a vector load of the last packed element stays inside.
  const size_t bytes = (size * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
  void* p = ::operator new(bytes == 0 ? kAlignment : bytes, std::align_val_t(kAlignment), std::nothrow);
  if (p == nullptr) return Status::OutOfMemory(std::to_string(bytes) + " bytes");
  data_ = static_cast<float*>(p);
  size_ = size;
  if (zeroed) std::memset(data_, 0, bytes);
  return Status::Ok();
}

void Buffer::Free() {
  if (data_ != nullptr) ::operator delete(data_, std::align_val_t(kAlignment));
  data_ = nullptr;
  size_ = 0;
}

}  // namespace lanewise
