// Strided moves of elements that are not float32, by their size alone.
#include <memory>

#include "core/strided_move.h"

namespace lanewise {
namespace {

constexpr size_t kMaxAxes = 32;

template <typename T>
void MoveAll(const Move& move, const T* x, T* y) {
  const auto& extents = move.y.extents;
  const size_t rank = extents.size();
  if (ElementCount(extents) == 0) return;
  int64_t position[kMaxAxes] = {};
  x += move.x.offset;
  y += move.y.offset;
  for (;;) {
    *y = *x;
    size_t axis = rank;
    for (; axis > 0; --axis) {
      const size_t i = axis - 1;
      x += move.x.strides[i];
      y += move.y.strides[i];
      if (++position[i] < extents[i]) break;
      x -= move.x.strides[i] * extents[i];
      y -= move.y.strides[i] * extents[i];
      position[i] = 0;
    }
    if (axis == 0) return;
  }
}

class TypedMoveStep : public Step {
 public:
  TypedMoveStep(std::vector<Move> moves, int64_t bytes) : moves_(std::move(moves)), bytes_(bytes) {}
  size_t items() const override { return moves_.size(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    ForBytes(bytes_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      for (size_t i = begin; i < end; ++i) {
        const Move& move = moves_[i];
        MoveAll(move, reinterpret_cast<const T*>(context.Data(move.x.id)),
                reinterpret_cast<T*>(context.Data(move.y.id)));
      }
    });
  }

 private:
  std::vector<Move> moves_;
  int64_t bytes_;
};

}  // namespace

Status AddTypedMoves(const std::vector<Move>& moves, Element type, PlanBuilder& builder) {
  StepInfo info;
  info.kernel = "move elements";
  for (const Move& move : moves) {
    if (move.y.extents.size() > kMaxAxes) return Status::Unsupported(builder.Where() + ": too many axes");
    info.bytes += 2 * ElementCount(move.y.extents) * ElementBytes(type);
  }
  builder.Add(std::make_unique<TypedMoveStep>(moves, ElementBytes(type)), std::move(info));
  return Status::Ok();
}

}  // namespace lanewise
