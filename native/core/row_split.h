// Cuts a step into items of a sensible size: enough bytes to be worth handing to a thread, never more than one row too
// many.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/tensor.h"

namespace lanewise {

constexpr int64_t kItemBytes = 16 * 1024;

// `rows` equal pieces of work of `row_bytes` each, grouped into items.
class RowSplit {
 public:
  RowSplit() = default;
  RowSplit(int64_t rows, int64_t row_bytes)
      : rows_(rows), per_item_(std::max<int64_t>(1, kItemBytes / std::max<int64_t>(1, row_bytes))) {}

  size_t items() const { return static_cast<size_t>((rows_ + per_item_ - 1) / per_item_); }
  int64_t begin(size_t item) const { return std::min(rows_, static_cast<int64_t>(item) * per_item_); }

 private:
  int64_t rows_ = 0;
  int64_t per_item_ = 1;
};

// The rows of every plane of a blocked tensor as one sequence.
inline RowSplit SplitRows(const Tensor& tensor) {
  const int64_t rows = tensor.w() == 0 ? 0 : tensor.n() * tensor.blocks() * tensor.h();
  return RowSplit(rows, tensor.w() * tensor.lanes * static_cast<int64_t>(sizeof(float)));
}

// Calls body(n, block, first_row, rows) for the rows [begin, end) of that sequence: row by row, or, when `dense`, with
// all rows of a plane that follow each other at once.
template <class Body>
void ForEachRow(const Tensor& tensor, int64_t begin, int64_t end, bool dense, const Body& body) {
  while (begin < end) {
    const int64_t plane = begin / tensor.h();
    const int64_t row = begin - plane * tensor.h();
    const int64_t rows = dense ? std::min(end - begin, tensor.h() - row) : 1;
    body(plane / tensor.blocks(), plane % tensor.blocks(), row, rows);
    begin += rows;
  }
}

}  // namespace lanewise
