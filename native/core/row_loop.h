// What the elementwise operators share: the loop over the rows of up to three tensors, where an operand comes from, and
// how an activation is applied to a row.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "core/builder.h"
#include "core/step.h"
#include "core/tensor.h"
#include "kernels/table.h"

namespace lanewise {

// Elements of one item: 16 KB, so that a second pass over them (an activation) finds them in L1, and a multiple of
// every vector.
constexpr int64_t kRowChunk = 4096;
// For a loop inside an item: no row is cut.
constexpr int64_t kUncut = int64_t{1} << 60;

struct RowAxis {
  int64_t size;
  int64_t strides[3];
};

// A loop nest whose innermost axis is the row. Neighbouring axes that all operands step through evenly become one; long
// rows are cut into chunks, short ones are grouped.
class RowLoop {
 public:
  RowLoop() = default;
  explicit RowLoop(const std::vector<RowAxis>& axes, int64_t chunk = kRowChunk) : chunk_(std::max<int64_t>(chunk, 1)) {
    bool empty = false;
    for (const RowAxis& axis : axes) {
      empty |= axis.size == 0;
      if (axis.size == 1) continue;
      if (!axes_.empty() && Continues(axes_.back(), axis)) {
        axes_.back().size *= axis.size;
        std::copy_n(axis.strides, 3, axes_.back().strides);
      } else {
        axes_.push_back(axis);
      }
    }
    if (axes_.empty()) axes_.push_back({1, {1, 1, 1}});
    row_ = axes_.back();
    axes_.pop_back();
    Count(empty);
  }

  // Makes every row one element unless the strides of its operands are 0 or 1, which is all that row kernels know.
  void RequireUnitStrides() {
    for (int64_t s : row_.strides) {
      if (s == 0 || s == 1) continue;
      axes_.push_back(row_);
      row_ = {1, {1, 1, 1}};
      return Count(items_ == 0);
    }
  }

  size_t items() const { return items_; }
  int64_t row_length() const { return row_.size; }
  int64_t row_stride(int operand) const { return row_.strides[operand]; }

  // visit(const int64_t offsets[3], int64_t n) for the rows, or parts of rows, of the items.
  template <typename Visit>
  void Run(size_t begin, size_t end, const Visit& visit) const {
    for (size_t item = begin; item < end; ++item) {
      const int64_t index = static_cast<int64_t>(item);
      const int64_t start = index % pieces_ * chunk_;
      const int64_t length = std::min(chunk_, row_.size - start);
      const int64_t first = index / pieces_ * rows_per_item_;
      const int64_t last = std::min(first + rows_per_item_, rows_);
      for (int64_t row = first; row < last; ++row) {
        int64_t offsets[3];
        for (int k = 0; k < 3; ++k) offsets[k] = start * row_.strides[k];
        int64_t rest = row;
        for (size_t a = axes_.size(); a-- > 0;) {
          const int64_t i = rest % axes_[a].size;
          rest /= axes_[a].size;
          for (int k = 0; k < 3; ++k) offsets[k] += i * axes_[a].strides[k];
        }
        visit(offsets, length);
      }
    }
  }
  template <typename Visit>
  void RunAll(const Visit& visit) const {
    Run(0, items_, visit);
  }

 private:
  static bool Continues(const RowAxis& outer, const RowAxis& inner) {
    for (int k = 0; k < 3; ++k)
      if (outer.strides[k] != inner.strides[k] * inner.size) return false;
    return true;
  }
  void Count(bool empty) {
    rows_ = 1;
    for (const RowAxis& axis : axes_) rows_ *= axis.size;
    pieces_ = std::max<int64_t>((row_.size + chunk_ - 1) / chunk_, 1);
    rows_per_item_ = pieces_ > 1 ? 1 : std::max<int64_t>(chunk_ / std::max<int64_t>(row_.size, 1), 1);
    items_ = empty ? 0 : static_cast<size_t>((rows_ + rows_per_item_ - 1) / rows_per_item_ * pieces_);
  }

  std::vector<RowAxis> axes_;  // without the row
  RowAxis row_{1, {1, 1, 1}};
  int64_t chunk_ = kRowChunk, rows_ = 0, pieces_ = 1, rows_per_item_ = 1;
  size_t items_ = 0;
};

struct Extent {
  int64_t size, stride;
};

// The logical axes of a plain tensor with their strides.
inline std::vector<Extent> PlainExtents(const Tensor& t) {
  std::vector<Extent> extents(t.shape.size());
  int64_t stride = 1;
  for (size_t i = t.shape.size(); i-- > 0;) {
    extents[i] = {t.shape[i], stride};
    stride *= t.shape[i];
  }
  if (t.shape.size() == 4) {
    extents[0].stride = t.image_stride;
    extents[1].stride = t.block_stride;
    extents[2].stride = t.row_stride;
  }
  return extents;
}

// The axes of a tensor as they lie in memory, in any layout; equal in sizes for tensors of equal shape and layout.
inline std::vector<Extent> MemoryExtents(const Tensor& t) {
  if (t.layout == Layout::kBlocked)
    return {{t.n(), t.image_stride}, {t.blocks(), t.block_stride}, {t.h(), t.row_stride}, {t.w() * t.lanes, 1}};
  if (t.layout == Layout::kNhwc) return {{t.n(), t.image_stride}, {t.h(), t.row_stride}, {t.w() * t.c(), 1}};
  return PlainExtents(t);
}

// Element by element over tensors of one shape and layout.
inline RowLoop ElementLoop(const Tensor& x, const Tensor& y) {
  const std::vector<Extent> xs = MemoryExtents(x), ys = MemoryExtents(y);
  std::vector<RowAxis> axes;
  for (size_t i = 0; i < xs.size(); ++i) axes.push_back({xs[i].size, {xs[i].stride, ys[i].stride, 0}});
  RowLoop loop(axes);
  loop.RequireUnitStrides();
  return loop;
}

// Where an operand lies: a tensor of the run, or a constant packed when the plan was made.
struct Source {
  int tensor = kNone;
  std::shared_ptr<Buffer> constant;

  const float* Data(const RunContext& context) const {
    return constant != nullptr ? constant->data() : context.Data(tensor);
  }
};

// An activation over a row: a clamp, which scale kernels do for free, or a pass.
struct RowActivation {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  UnaryRow pass = nullptr;
  float alpha = 0, beta = 0;

  void Apply(float* y, int64_t n) const {
    if (pass != nullptr) pass(y, y, static_cast<size_t>(n), alpha, beta);
  }
};

inline Unary UnaryOf(Act kind) {
  switch (kind) {
    case Act::kNone: return Unary::kIdentity;
    case Act::kRelu: return Unary::kRelu;
    case Act::kClip: return Unary::kClip;
    case Act::kLeakyRelu:
    case Act::kPrelu: return Unary::kLeakyRelu;
    case Act::kHardSigmoid: return Unary::kHardSigmoid;
    case Act::kHardSwish: return Unary::kHardSwish;
    case Act::kSigmoid: return Unary::kSigmoid;
    case Act::kSilu: return Unary::kSilu;
    case Act::kTanh: return Unary::kTanh;
    case Act::kGelu: return Unary::kGelu;
    case Act::kGeluTanh: return Unary::kGeluTanh;
    case Act::kScaledSilu: break;  // of convolutions alone
  }
  return Unary::kIdentity;
}

// Every activation as a pass.
inline RowActivation PassOf(const KernelTable& kernels, const Activation& activation) {
  RowActivation row;
  row.alpha = activation.alpha;
  row.beta = activation.beta;
  if (activation.kind != Act::kNone) row.pass = kernels.unary[static_cast<int>(UnaryOf(activation.kind))];
  return row;
}

// relu and clip as a clamp, the others as a pass.
inline RowActivation ClampOrPassOf(const KernelTable& kernels, const Activation& activation) {
  RowActivation row;
  if (activation.kind == Act::kRelu) {
    row.lo = 0;
  } else if (activation.kind == Act::kClip) {
    row.lo = activation.alpha;
    row.hi = activation.beta;
  } else {
    row = PassOf(kernels, activation);
  }
  return row;
}

inline int64_t BytesOf(const Tensor& t) { return ElementCount(t.shape) * static_cast<int64_t>(sizeof(float)); }

}  // namespace lanewise
