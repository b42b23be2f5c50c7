// The file of a model, or a copy of its bytes, as a place where weights stay until they are packed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/status.h"

namespace lanewise {

// Read by position, from any thread. A mapping would be no faster (packing reads every byte once) and a file that is
// cut short under it would end the process; this is an error.
class WeightFile {
 public:
  // A duplicate of `descriptor`, which must be an open regular file. Unsupported where descriptors cannot be shared
  // with the program (Windows).
  static Status Open(int descriptor, std::shared_ptr<WeightFile>* file);
  // In memory, to be written before it is read.
  static Status Create(size_t size, std::shared_ptr<WeightFile>* file);
  ~WeightFile();
  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;

  int64_t size() const { return size_; }
  size_t memory_bytes() const { return memory_.bytes(); }
  // Of one that is in memory, and that no other thread reads yet.
  Status Write(int64_t offset, size_t count, const void* bytes);
  // Bytes [offset, offset + count) of the file. A file that has changed since it was opened is a kModelFormat.
  Status Read(int64_t offset, size_t count, void* bytes) const;

 private:
  WeightFile() = default;
  bool Has(int64_t offset, size_t count) const {
    return offset >= 0 && offset <= size_ && count <= static_cast<size_t>(size_ - offset);
  }
  Status CheckUnchanged() const;
  Status ReadFile(int64_t offset, size_t count, char* bytes) const;

  Buffer memory_;  // the bytes, where there is no descriptor
  int descriptor_ = -1;
  int64_t size_ = 0, modified_ns_ = 0;
};

// The elements of a float32 constant in a file.
struct StoredWeights {
  std::shared_ptr<const WeightFile> file;
  int64_t offset = 0;
  // One factor for each of as many equal parts, multiplied in double and rounded once; empty for none.
  std::vector<double> scale;

  // Elements [first, first + count) of `size`, scaled.
  Status Read(int64_t size, size_t first, size_t count, float* elements) const;
};

}  // namespace lanewise
