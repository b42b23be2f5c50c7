// A move is brought to one of four inner loops: rows that are contiguous on both sides are copied, rows of one repeated
// element are filled, a pair of axes of which one is contiguous in x and the other in y goes through the transposition
// kernel, and anything else (steps of a slice) moves element by element.
#include "core/strided_move.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/row_split.h"

namespace lanewise {

View View::Part(int axis, int64_t first, int64_t count) const {
  View part = *this;
  part.offset += first * strides[static_cast<size_t>(axis)];
  part.extents[static_cast<size_t>(axis)] = count;
  return part;
}

void View::SplitAxis(int axis, int64_t outer) {
  const size_t at = static_cast<size_t>(axis);
  const int64_t inner = outer == 0 ? 0 : extents[at] / outer;
  extents[at] = inner;
  extents.insert(extents.begin() + axis, outer);
  strides.insert(strides.begin() + axis, strides[at] * inner);
}

void View::SwapAxes(int a, int b) {
  std::swap(extents[static_cast<size_t>(a)], extents[static_cast<size_t>(b)]);
  std::swap(strides[static_cast<size_t>(a)], strides[static_cast<size_t>(b)]);
}

View ViewOf(const Tensor& tensor) {
  View view;
  view.id = tensor.id;
  view.type = tensor.type;
  view.extents = tensor.shape;
  if (tensor.layout == Layout::kBlocked) {
    view.extents = {tensor.n(), tensor.blocks(), tensor.h(), tensor.w(), tensor.lanes};
    view.strides = {tensor.image_stride, tensor.block_stride, tensor.row_stride, tensor.pixel_stride, 1};
  } else if (tensor.shape.size() == 4) {
    view.strides = {tensor.image_stride, tensor.block_stride, tensor.row_stride, tensor.pixel_stride};
  } else {
    view = ContiguousView(tensor, tensor.shape);
  }
  return view;
}

View ContiguousView(const Tensor& tensor, const Shape& extents) {
  View view;
  view.id = tensor.id;
  view.type = tensor.type;
  view.extents = extents;
  view.strides.resize(extents.size());
  int64_t stride = 1;
  for (size_t i = extents.size(); i-- > 0;) {
    view.strides[i] = stride;
    stride *= extents[i];
  }
  return view;
}

namespace {

struct Axis {
  int64_t extent, x_stride, y_stride;
};

enum class Inner { kCopy, kFill, kTranspose, kElements };

// Axes left after merging. No model comes near; a fixed number keeps the run free of allocations.
constexpr size_t kMaxAxes = 16;

// Pieces of a row: enough for a thread, few enough to share one huge row.
constexpr int64_t kRowPiece = 4096;

struct PreparedMove {
  int x_id, y_id;
  int64_t x_offset, y_offset;
  std::vector<Axis> outer;  // outermost first
  Axis columns{1, 0, 0};    // kTranspose: the axis contiguous in x
  Axis row{1, 1, 1};        // the innermost axis
  Inner inner = Inner::kCopy;
  int64_t piece = 1;  // of the axis that is cut into pieces: columns or row
  int64_t pieces = 1;
  RowSplit split;
  size_t first_item = 0;
};

std::vector<Axis> MergeAxes(const Move& move) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < move.y.extents.size(); ++i) {
    if (move.y.extents[i] != 1) axes.push_back({move.y.extents[i], move.x.strides[i], move.y.strides[i]});
  }
  // Ascending addresses in y last; axes of a tensor come in this order already, those of a permuted view may not.
  std::stable_sort(axes.begin(), axes.end(), [](const Axis& a, const Axis& b) { return a.y_stride > b.y_stride; });
  std::vector<Axis> merged;
  for (const Axis& axis : axes) {
    if (!merged.empty() && merged.back().x_stride == axis.extent * axis.x_stride &&
        merged.back().y_stride == axis.extent * axis.y_stride) {
      merged.back() = {merged.back().extent * axis.extent, axis.x_stride, axis.y_stride};
    } else {
      merged.push_back(axis);
    }
  }
  return merged;
}

PreparedMove Prepare(const Move& move) {
  PreparedMove p{};
  p.x_id = move.x.id;
  p.y_id = move.y.id;
  p.x_offset = move.x.offset;
  p.y_offset = move.y.offset;
  p.outer = MergeAxes(move);
  p.row = {1, 1, 1};
  p.columns = {1, 0, 0};
  int64_t units = 1;
  for (const Axis& axis : p.outer) units *= axis.extent;
  if (!p.outer.empty()) {
    p.row = p.outer.back();
    p.outer.pop_back();
  }
  p.inner = Inner::kElements;
  if (p.row.y_stride == 1) {
    if (p.row.x_stride == 1) p.inner = Inner::kCopy;
    if (p.row.x_stride == 0) p.inner = Inner::kFill;
  }
  if (p.inner == Inner::kElements && p.row.y_stride == 1) {
    for (size_t i = 0; i < p.outer.size(); ++i) {
      if (p.outer[i].x_stride != 1) continue;
      p.columns = p.outer[i];
      p.outer.erase(p.outer.begin() + static_cast<std::ptrdiff_t>(i));
      p.inner = Inner::kTranspose;
      break;
    }
  }
  int64_t piece_bytes = 0;
  if (p.inner == Inner::kTranspose) {
    // Whole vectors of columns, so that only the last piece has a tail.
    const int64_t wanted = (kRowPiece + p.row.extent - 1) / std::max<int64_t>(1, p.row.extent);
    p.piece = std::max<int64_t>(1, std::min(p.columns.extent, (wanted + kMaxLanes - 1) / kMaxLanes * kMaxLanes));
    p.pieces = (p.columns.extent + p.piece - 1) / p.piece;
    piece_bytes = p.piece * p.row.extent;
  } else {
    p.piece = std::max<int64_t>(1, std::min(p.row.extent, kRowPiece));
    p.pieces = (p.row.extent + p.piece - 1) / p.piece;
    piece_bytes = p.piece;
  }
  int64_t outer_units = p.pieces;
  for (const Axis& axis : p.outer) outer_units *= axis.extent;
  p.split = RowSplit(units == 0 ? 0 : outer_units, piece_bytes * static_cast<int64_t>(sizeof(float)));
  return p;
}

void MoveRow(const PreparedMove& p, const float* x, float* y, int64_t count) {
  if (p.inner == Inner::kCopy) {
    std::memcpy(y, x, static_cast<size_t>(count) * sizeof(float));
  } else if (p.inner == Inner::kFill) {
    std::fill(y, y + count, *x);
  } else {
    for (int64_t i = 0; i < count; ++i) y[i * p.row.y_stride] = x[i * p.row.x_stride];
  }
}

class StridedMoveStep : public Step {
 public:
  StridedMoveStep(TransposeKernel transpose, const std::vector<Move>& moves) : transpose_(transpose) {
    for (const Move& move : moves) {
      moves_.push_back(Prepare(move));
      moves_.back().first_item = items_;
      items_ += moves_.back().split.items();
    }
  }

  size_t items() const override { return items_; }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (const PreparedMove& move : moves_) {
      const size_t last = move.first_item + move.split.items();
      const bool empty = last == move.first_item;
      if (empty || last <= begin || move.first_item >= end) continue;
      RunMove(context, move, move.split.begin(std::max(begin, move.first_item) - move.first_item),
              move.split.begin(std::min(end, last) - move.first_item));
    }
  }

  bool TooManyAxes() const {
    for (const PreparedMove& move : moves_) {
      if (move.outer.size() > kMaxAxes) return true;
    }
    return false;
  }

  std::string Label() const {
    if (moves_.empty()) return "move";
    switch (moves_[0].inner) {
      case Inner::kCopy: return "copy rows";
      case Inner::kFill: return "fill rows";
      case Inner::kTranspose: return "transpose";
      case Inner::kElements: break;
    }
    return "move elements";
  }

 private:
  void RunMove(const RunContext& context, const PreparedMove& p, int64_t begin, int64_t end) const {
    const float* x = context.Data(p.x_id) + p.x_offset;
    float* y = context.Data(p.y_id) + p.y_offset;
    int64_t piece = begin % p.pieces;
    int64_t position[kMaxAxes];
    int64_t rest = begin / p.pieces;
    for (size_t i = p.outer.size(); i-- > 0;) {
      position[i] = rest % p.outer[i].extent;
      rest /= p.outer[i].extent;
      x += position[i] * p.outer[i].x_stride;
      y += position[i] * p.outer[i].y_stride;
    }
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = piece * p.piece;
      if (p.inner == Inner::kTranspose) {
        const int64_t columns = std::min(p.piece, p.columns.extent - first);
        transpose_(x + first, p.row.x_stride, y + first * p.columns.y_stride, p.columns.y_stride,
                   static_cast<size_t>(p.row.extent), static_cast<size_t>(columns));
      } else {
        MoveRow(p, x + first * p.row.x_stride, y + first * p.row.y_stride, std::min(p.piece, p.row.extent - first));
      }
      if (++piece < p.pieces) continue;
      piece = 0;
      // The next position, last axis fastest.
      for (size_t i = p.outer.size(); i-- > 0;) {
        x += p.outer[i].x_stride;
        y += p.outer[i].y_stride;
        if (++position[i] < p.outer[i].extent) break;
        x -= position[i] * p.outer[i].x_stride;
        y -= position[i] * p.outer[i].y_stride;
        position[i] = 0;
      }
    }
  }

  TransposeKernel transpose_;
  std::vector<PreparedMove> moves_;
  size_t items_ = 0;
};

}  // namespace

Status AddMoves(const std::vector<Move>& moves, PlanBuilder& builder) {
  if (!moves.empty() && moves[0].y.type != Element::kFloat32) return AddTypedMoves(moves, moves[0].y.type, builder);
  int64_t elements = 0;
  for (const Move& move : moves) elements += ElementCount(move.y.extents);
  auto added = std::make_unique<StridedMoveStep>(builder.kernels().transpose, moves);
  if (added->TooManyAxes()) return Status::Unsupported(builder.Where() + ": too many axes");
  StepInfo info;
  info.kernel = added->Label();
  info.bytes = 2 * elements * static_cast<int64_t>(sizeof(float));
  builder.Add(std::move(added), std::move(info));
  return Status::Ok();
}

}  // namespace lanewise
