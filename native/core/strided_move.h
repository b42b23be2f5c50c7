// Moves of strided elements: y[i] = x[i] over a common index space. Transpose, slice, expand, concatenation and split
// are descriptions of such moves; one step carries them out.
#pragma once
#include <vector>

#include "core/builder.h"

namespace lanewise {

// Some of the elements of a tensor, addressed by strides of any sign; 0 repeats.
struct View {
  int id = kNone;  // Tensor::id
  Element type = Element::kFloat32;
  int64_t offset = 0;  // from the first interior element
  std::vector<int64_t> extents;
  std::vector<int64_t> strides;

  // `count` positions of an axis, from `first`.
  View Part(int axis, int64_t first, int64_t count) const;
  // Axis of extent e becomes two of outer and e/outer.
  void SplitAxis(int axis, int64_t outer);
  void SwapAxes(int a, int b);
};

// All of a tensor: its logical axes, or [n, block, h, w, lane] of a blocked one (padded lanes included).
View ViewOf(const Tensor& tensor);
// Row-major elements without gaps, from the tensor's first.
View ContiguousView(const Tensor& tensor, const Shape& extents);

struct Move {
  View x, y;  // of equal extents; no two elements of y coincide
};

// Adds the moves as one step of the current operator.
Status AddMoves(const std::vector<Move>& moves, PlanBuilder& builder);
// The same for elements that are not float32.
Status AddTypedMoves(const std::vector<Move>& moves, Element type, PlanBuilder& builder);

}  // namespace lanewise
