// Unary and binary operators. A blocked operand stays blocked when the other one has its shape, is one number, or has
// one number per channel; everything else is plain, with the broadcast as a stride of zero.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "core/build.h"
#include "core/portable_rows.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

class UnaryStep final : public Step {
 public:
  UnaryStep(const UnarySpec& spec, const KernelTable& kernels, const Tensor& x, const Tensor& y)
      : kernel_(RowOf(kernels, spec.fn)),
        alpha_(spec.alpha),
        beta_(spec.beta),
        x_(x.id),
        y_(y.id),
        loop_(ElementLoop(x, y)) {}

  size_t items() const override { return loop_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_);
    float* y = context.Data(y_);
    loop_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      kernel_(x + at[0], y + at[1], static_cast<size_t>(n), alpha_, beta_);
    });
  }

 private:
  UnaryRow kernel_;
  float alpha_, beta_;
  int x_, y_;
  RowLoop loop_;
};

class BinaryStep final : public Step {
 public:
  // Operands of the loop: a, b, y.
  BinaryStep(BinaryRow kernel, RowActivation activation, Source a, Source b, int y, RowLoop loop)
      : kernel_(kernel), activation_(activation), a_(std::move(a)), b_(std::move(b)), y_(y), loop_(std::move(loop)) {}

  size_t items() const override { return loop_.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* a = a_.Data(context);
    const float* b = b_.Data(context);
    float* y = context.Data(y_);
    loop_.Run(begin, end, [&](const int64_t* at, int64_t n) {
      kernel_(a + at[0], b + at[1], y + at[2], static_cast<size_t>(n));
      activation_.Apply(y + at[2], n);
    });
  }

 private:
  BinaryRow kernel_;
  RowActivation activation_;
  Source a_, b_;
  int y_;
  RowLoop loop_;
};

StepInfo Info(const StepSpec& step, const char* kernel, int64_t bytes) {
  return {step.name, step.op, kernel, 0, bytes};
}

// Whether `shape`, aligned right to NCHW `full`, has one element per channel (of one image or of each).
bool IsPerChannel(const Shape& shape, const Shape& full) {
  if (shape.size() < 3 || shape.size() > 4) return false;
  const size_t c = shape.size() - 3;
  if (shape[c] != full[1] || shape[c + 1] != 1 || shape[c + 2] != 1) return false;
  return c == 0 || shape[0] == 1 || shape[0] == full[0];
}

// One operand of a blocked row: its strides over (image, block, row, pixels).
struct BlockedOperand {
  enum class Kind { kElements, kLanes, kScalar } kind = Kind::kElements;
  Source source;
  int64_t strides[4] = {0, 0, 0, 0};
};

bool FitsBlocked(const PlanBuilder& builder, int v, const Shape& full) {
  const Shape& shape = builder.shape(v);
  if (shape == full || ElementCount(shape) == 1) return true;
  // At run time one number per channel is read as a blocked tensor, so it has to have rank 4.
  return IsPerChannel(shape, full) && (builder.IsConstant(v) || shape.size() == 4);
}

Status PlaceBlocked(PlanBuilder& builder, int v, const Shape& full, Tensor* placed, BlockedOperand* operand) {
  const Shape& shape = builder.shape(v);
  if (shape == full) {
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kBlocked, placed));
    operand->source.tensor = placed->id;
    const int64_t strides[4] = {placed->image_stride, placed->block_stride, placed->row_stride, 1};
    std::copy_n(strides, 4, operand->strides);
    return Status::Ok();
  }
  if (ElementCount(shape) == 1) {
    operand->kind = BlockedOperand::Kind::kScalar;
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, placed));
    operand->source.tensor = placed->id;
    return Status::Ok();
  }
  operand->kind = BlockedOperand::Kind::kLanes;
  const bool per_image = shape.size() == 4 && shape[0] != 1;
  if (builder.IsConstant(v)) {
    const int64_t lanes = builder.lanes(), channels = full[1];
    const int64_t padded = (channels + lanes - 1) / lanes * lanes;
    const int64_t images = per_image ? shape[0] : 1;
    operand->strides[0] = per_image ? padded : 0;
    operand->strides[1] = lanes;
    return builder.Pack(v, "channels in blocks of " + std::to_string(lanes), static_cast<size_t>(images * padded),
                        Packer([=](const float* data, float* out) {
                          for (int64_t i = 0; i < images; ++i)
                            std::copy_n(data + i * channels, channels, out + i * padded);
                        }),
                        &operand->source.constant);
  }
  LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kBlocked, placed));
  operand->source.tensor = placed->id;
  operand->strides[0] = per_image ? placed->image_stride : 0;
  operand->strides[1] = placed->block_stride;
  return Status::Ok();
}

Status BuildBlocked(const BinarySpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& full = builder.shape(step.outputs[0]);
  Tensor placed[2], y;
  BlockedOperand operands[2];
  for (int i = 0; i < 2; ++i)
    LANEWISE_RETURN_IF_ERROR(PlaceBlocked(builder, step.inputs[i], full, &placed[i], &operands[i]));
  using Kind = BlockedOperand::Kind;
  const bool first_full = operands[0].kind == Kind::kElements;
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kBlocked, &placed[first_full ? 0 : 1], &y));
  Spread spread = Spread::kFull;
  if (operands[1].kind == Kind::kScalar) spread = Spread::kScalarB;
  if (operands[1].kind == Kind::kLanes) spread = Spread::kLanesB;
  if (operands[0].kind == Kind::kScalar) spread = Spread::kScalarA;
  if (operands[0].kind == Kind::kLanes) spread = Spread::kLanesA;
  std::vector<RowAxis> axes;
  const std::vector<Extent> extents = MemoryExtents(y);
  for (size_t i = 0; i < 4; ++i)
    axes.push_back({extents[i].size, {operands[0].strides[i], operands[1].strides[i], extents[i].stride}});
  const KernelTable& kernels = builder.kernels();
  builder.Add(std::make_unique<BinaryStep>(RowOf(kernels, spec.fn, spread), PassOf(kernels, spec.activation),
                                           operands[0].source, operands[1].source, y.id, RowLoop(axes)),
              Info(step, "rows blocked", BytesOf(y) * (spread == Spread::kFull ? 3 : 2)));
  return Status::Ok();
}

// The strides of `x` over the axes of a result of rank `rank`: zero where x is repeated.
std::vector<int64_t> BroadcastStrides(const Tensor& x, const Shape& full) {
  const std::vector<Extent> extents = PlainExtents(x);
  std::vector<int64_t> strides(full.size(), 0);
  const size_t skipped = full.size() - extents.size();
  for (size_t i = 0; i < extents.size(); ++i)
    if (extents[i].size == full[skipped + i]) strides[skipped + i] = extents[i].stride;
  return strides;
}

// Whether `full` is what `a` and `b` broadcast to: no axis wider than both.
bool IsBroadcast(const Shape& a, const Shape& b, const Shape& full) {
  if (full.size() != std::max(a.size(), b.size())) return false;
  for (size_t i = 1; i <= full.size(); ++i) {
    const int64_t extent = full[full.size() - i];
    const int64_t ea = i <= a.size() ? a[a.size() - i] : 1, eb = i <= b.size() ? b[b.size() - i] : 1;
    if ((ea != 1 && ea != extent) || (eb != 1 && eb != extent) || (ea != extent && eb != extent)) return false;
  }
  return true;
}

}  // namespace

Status Build(const UnarySpec& spec, const StepSpec& step, PlanBuilder& builder) {
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], builder.LayoutOf(step.inputs[0]), &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], x.layout, &x, &y));
  builder.Add(std::make_unique<UnaryStep>(spec, builder.kernels(), x, y), Info(step, "rows", BytesOf(x) + BytesOf(y)));
  return Status::Ok();
}

Status Build(const BinarySpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int a = step.inputs[0], b = step.inputs[1];
  const Shape& full = builder.shape(step.outputs[0]);
  if (!IsBroadcast(builder.shape(a), builder.shape(b), full))
    return Status::Invalid(builder.Where() + ": the inputs do not broadcast to the shape of the output");
  const bool a_full = builder.shape(a) == full, b_full = builder.shape(b) == full;
  if (full.size() == 4 && !IsPortable(spec.fn) &&
      ((a_full && builder.IsBlocked(a)) || (b_full && builder.IsBlocked(b))) && FitsBlocked(builder, a, full) &&
      FitsBlocked(builder, b, full))
    return BuildBlocked(spec, step, builder);

  Tensor x[2], y;
  const bool nhwc = a_full && b_full && builder.LayoutOf(a) == Layout::kNhwc && builder.LayoutOf(b) == Layout::kNhwc;
  const Layout layout = nhwc ? Layout::kNhwc : Layout::kPlain;
  LANEWISE_RETURN_IF_ERROR(builder.In(a, layout, &x[0]));
  LANEWISE_RETURN_IF_ERROR(builder.In(b, layout, &x[1]));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, a_full ? &x[0] : b_full ? &x[1] : nullptr, &y));
  std::vector<RowAxis> axes;
  const std::vector<Extent> extents = MemoryExtents(y);
  if (nhwc) {
    const std::vector<Extent> ea = MemoryExtents(x[0]), eb = MemoryExtents(x[1]);
    for (size_t i = 0; i < extents.size(); ++i)
      axes.push_back({extents[i].size, {ea[i].stride, eb[i].stride, extents[i].stride}});
  } else {
    const std::vector<int64_t> sa = BroadcastStrides(x[0], full), sb = BroadcastStrides(x[1], full);
    for (size_t i = 0; i < extents.size(); ++i) axes.push_back({extents[i].size, {sa[i], sb[i], extents[i].stride}});
  }
  RowLoop loop(axes);
  loop.RequireUnitStrides();
  Spread spread = Spread::kFull;
  if (loop.row_length() > 1 && loop.row_stride(1) == 0) spread = Spread::kScalarB;
  if (loop.row_length() > 1 && loop.row_stride(0) == 0) spread = Spread::kScalarA;
  const KernelTable& kernels = builder.kernels();
  builder.Add(std::make_unique<BinaryStep>(RowOf(kernels, spec.fn, spread), PassOf(kernels, spec.activation),
                                           Source{x[0].id, nullptr}, Source{x[1].id, nullptr}, y.id, std::move(loop)),
              Info(step, "rows", BytesOf(x[0]) + BytesOf(x[1]) + BytesOf(y)));
  return Status::Ok();
}

}  // namespace lanewise
