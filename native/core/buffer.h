// Owned, 64-byte aligned floats. Allocation can fail and says so; nothing here throws.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "core/status.h"

namespace lanewise {

constexpr size_t kAlignment = 64;

class Buffer {
 public:
  Buffer() = default;
  // `size` floats of `whole` from `offset` on, whose memory lives as long.
  Buffer(std::shared_ptr<Buffer> whole, size_t offset, size_t size)
      : data_(whole->data() + offset), size_(size), whole_(std::move(whole)) {}
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        whole_(std::move(other.whole_)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(whole_, other.whole_);
    return *this;
  }
  ~Buffer() { Free(); }

  // Makes room for `size` floats and sets every byte to zero when `zeroed`.
  Status Allocate(size_t size, bool zeroed = false);

  float* data() { return data_; }
  const float* data() const { return data_; }
  size_t size() const { return size_; }
  size_t bytes() const { return size_ * sizeof(float); }

 private:
  void Free();
  float* data_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<Buffer> whole_;  // where this one is a part
};

// Zeroed buffers side by side, so that small ones have large pages too. On platforms where memory that is not written
// costs nothing; elsewhere each has its own.
class BufferPool {
 public:
  Status Allocate(size_t size, Buffer* buffer);
  // What is left of the last chunk is not given out any more.
  void Close() { chunk_ = nullptr; }

 private:
  std::shared_ptr<Buffer> chunk_;  // lives as long as its parts do
  size_t used_ = 0;
};

}  // namespace lanewise
