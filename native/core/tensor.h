// Where the elements of a tensor are: layout, halo, strides, and the storage that holds them.
#pragma once
#include <cstdint>

#include "core/plan_spec.h"

namespace lanewise {

// kPlain    row-major over the logical shape, any rank; rank 4 may have a halo (rows and planes further apart)
// kNhwc     rank 4, channels last; may have a halo
// kBlocked  rank 4, NCHWc: [n][channel block][h][w][lanes], may have a halo; lanes past the last channel are
// unspecified
enum class Layout { kPlain, kNhwc, kBlocked };

// Rows and columns around each plane that hold the padding value, so that kernels need no border code.
struct Halo {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
  bool empty() const { return top == 0 && left == 0 && bottom == 0 && right == 0; }
  bool Covers(const Halo& o) const { return top >= o.top && left >= o.left && bottom >= o.bottom && right >= o.right; }
};

struct Tensor {
  int id = kNone;  // index into the plan's tensors; RunContext::Data(id) is its first interior element
  Element type = Element::kFloat32;  // anything else is kPlain without a halo
  Layout layout = Layout::kPlain;
  Shape shape;  // logical: NCHW for every rank-4 tensor
  Halo halo;
  int lanes = 1;  // channels per block (kBlocked)
  // Strides in elements. For kBlocked: image, block, row, pixel (= lanes). For rank-4 kPlain: image, plane, row, 1.
  // For kNhwc: image, 1 (channel), row, pixel (= C). Unused for a kPlain tensor of another rank (it is contiguous).
  int64_t image_stride = 0, block_stride = 0, row_stride = 0, pixel_stride = 0;

  int64_t n() const { return shape[0]; }
  int64_t c() const { return shape[1]; }
  int64_t h() const { return shape[2]; }
  int64_t w() const { return shape[3]; }
  int64_t blocks() const { return (c() + lanes - 1) / lanes; }
  // Channels in block b.
  int64_t lanes_of(int64_t b) const { return c() - b * lanes < lanes ? c() - b * lanes : lanes; }
  // Whole planes lie without gaps between their rows, so that h*w pixels are one row.
  bool dense() const { return row_stride == w() * pixel_stride; }
};

}  // namespace lanewise
