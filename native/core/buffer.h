// Owned, 64-byte aligned floats. Allocation can fail and says so; nothing here throws.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/status.h"

namespace lanewise {

constexpr size_t kAlignment = 64;

class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
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
};

}  // namespace lanewise
