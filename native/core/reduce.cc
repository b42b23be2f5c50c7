// Reductions over any axes.
//
// Blocked planes (axes H and W) go lane by lane. Everything else is plain, and neighbouring axes of one kind become
// one:
//   last axis reduced  each output joins rows, in double
//   last axis kept     a row of outputs is a strip of columns, rows of the innermost reduced axis at a time
#include "core/reduce.h"

#include <cmath>
#include <string>
#include <vector>

#include "core/build.h"
#include "core/row_loop.h"

namespace lanewise {
namespace {

Fold FoldOf(Reduce fn) {
  switch (fn) {
    case Reduce::kMax: return Fold::kMax;
    case Reduce::kMin: return Fold::kMin;
    case Reduce::kProd: return Fold::kProd;
    case Reduce::kL1: return Fold::kSumAbs;
    case Reduce::kL2:
    case Reduce::kSumSquare: return Fold::kSumSquares;
    case Reduce::kLogSumExp: return Fold::kSumExp;
    case Reduce::kSum:
    case Reduce::kMean:
    case Reduce::kLogSum: return Fold::kSum;
  }
  return Fold::kSum;
}

double Identity(Fold fold) {
  if (fold == Fold::kMax) return -std::numeric_limits<double>::infinity();
  if (fold == Fold::kMin) return std::numeric_limits<double>::infinity();
  return fold == Fold::kProd ? 1 : 0;
}

double Join(Fold fold, double a, double b) {
  if (fold == Fold::kMax) return a > b || std::isnan(a) ? a : b;
  if (fold == Fold::kMin) return a < b || std::isnan(a) ? a : b;
  return fold == Fold::kProd ? a * b : a + b;
}

// From the folded terms to the result; `center` is what the exponentials were taken from.
float Finish(Reduce fn, double folded, int64_t count, float center) {
  switch (fn) {
    case Reduce::kMean: return static_cast<float>(folded / static_cast<double>(count));
    case Reduce::kL2: return static_cast<float>(std::sqrt(folded));
    case Reduce::kLogSum: return static_cast<float>(std::log(folded));
    case Reduce::kLogSumExp: return static_cast<float>(std::log(folded) + static_cast<double>(center));
    default: return static_cast<float>(folded);
  }
}

// exp(x - max) is safe, but not with an infinite maximum: there the plain sum of exponentials is right.
float CenterOf(float largest) { return std::isfinite(largest) ? largest : 0.f; }

class PlaneReduceStep final : public Step {
 public:
  PlaneReduceStep(const KernelTable& kernels, Reduce fn, const Tensor& x, int y, int64_t image_stride,
                  int64_t channel_stride)
      : fn_(fn), x_(x), y_(y), image_stride_(image_stride), channel_stride_(channel_stride) {
    fold_ = kernels.fold_plane[static_cast<int>(FoldOf(fn))];
    largest_ = kernels.fold_plane[static_cast<int>(Fold::kMax)];
  }

  size_t items() const override { return static_cast<size_t>(x_.n() * x_.blocks()); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(x_.id);
    float* y = context.Data(y_);
    const int64_t blocks = x_.blocks();
    for (size_t item = begin; item < end; ++item) {
      const int64_t n = static_cast<int64_t>(item) / blocks, b = static_cast<int64_t>(item) % blocks;
      const float* plane = x + n * x_.image_stride + b * x_.block_stride;
      const size_t rows = static_cast<size_t>(x_.h()), cols = static_cast<size_t>(x_.w());
      alignas(kAlignment) float center[kMaxLanes] = {};
      alignas(kAlignment) float folded[kMaxLanes];
      if (fn_ == Reduce::kLogSumExp) {
        largest_(plane, x_.row_stride, rows, cols, nullptr, center);
        for (float& c : center) c = CenterOf(c);
      }
      fold_(plane, x_.row_stride, rows, cols, center, folded);
      float* out = y + n * image_stride_ + b * x_.lanes * channel_stride_;
      for (int64_t lane = 0; lane < x_.lanes_of(b); ++lane)
        out[lane * channel_stride_] = Finish(fn_, static_cast<double>(folded[lane]), x_.h() * x_.w(), center[lane]);
    }
  }

 private:
  Reduce fn_;
  Tensor x_;
  int y_;
  int64_t image_stride_, channel_stride_;
  FoldPlane fold_, largest_;
};

struct ReducePlan {
  Reduce fn;
  int x, y;
  int64_t count;    // terms of one output
  RowLoop outputs;  // over kept axes; operands x, y
  RowLoop terms;    // over reduced axes; operand x
};

// The last axis is reduced: a row of terms is contiguous.
class RowReduceStep final : public Step {
 public:
  RowReduceStep(const KernelTable& kernels, ReducePlan plan) : plan_(std::move(plan)) {
    fold_ = kernels.fold_row[static_cast<int>(FoldOf(plan_.fn))];
    largest_ = kernels.fold_row[static_cast<int>(Fold::kMax)];
  }

  size_t items() const override { return plan_.outputs.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(plan_.x);
    float* y = context.Data(plan_.y);
    const int64_t x_step = plan_.outputs.row_stride(0), y_step = plan_.outputs.row_stride(1);
    plan_.outputs.Run(begin, end, [&](const int64_t* at, int64_t n) {
      for (int64_t i = 0; i < n; ++i) {
        const float* terms = x + at[0] + i * x_step;
        float center = 0;
        if (plan_.fn == Reduce::kLogSumExp)
          center = CenterOf(static_cast<float>(FoldAll(largest_, Fold::kMax, terms, 0)));
        const double folded = FoldAll(fold_, FoldOf(plan_.fn), terms, center);
        y[at[1] + i * y_step] = Finish(plan_.fn, folded, plan_.count, center);
      }
    });
  }

 private:
  double FoldAll(FoldRow fold, Fold fn, const float* terms, float center) const {
    double total = Identity(fn);
    plan_.terms.RunAll([&](const int64_t* at, int64_t n) {
      total = Join(fn, total, fold(terms + at[0], static_cast<size_t>(n), center));
    });
    return total;
  }

  ReducePlan plan_;
  FoldRow fold_, largest_;
};

// The last axis is kept: outputs lie side by side, and so do the terms of one reduced index.
class ColumnReduceStep final : public Step {
 public:
  ColumnReduceStep(const KernelTable& kernels, ReducePlan plan) : plan_(std::move(plan)) {
    fold_ = kernels.fold_columns[static_cast<int>(FoldOf(plan_.fn))];
    largest_ = kernels.fold_columns[static_cast<int>(Fold::kMax)];
  }

  size_t items() const override { return plan_.outputs.items(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const float* x = context.Data(plan_.x);
    float* y = context.Data(plan_.y);
    plan_.outputs.Run(begin, end, [&](const int64_t* at, int64_t n) {
      const float* columns = x + at[0];
      float* out = y + at[1];
      float* center = nullptr;
      if (plan_.fn == Reduce::kLogSumExp) {
        center = context.scratch;
        FoldAll(largest_, Fold::kMax, columns, nullptr, center, n);
        for (int64_t i = 0; i < n; ++i) center[i] = CenterOf(center[i]);
      }
      FoldAll(fold_, FoldOf(plan_.fn), columns, center, out, n);
      for (int64_t i = 0; i < n; ++i)
        out[i] = Finish(plan_.fn, static_cast<double>(out[i]), plan_.count, center == nullptr ? 0.f : center[i]);
    });
  }

 private:
  void FoldAll(FoldColumns fold, Fold fn, const float* columns, const float* center, float* out, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(Identity(fn));
    plan_.terms.RunAll([&](const int64_t* at, int64_t count) {
      fold(columns + at[0], plan_.terms.row_stride(0), static_cast<size_t>(count), center, out, static_cast<size_t>(n),
           true);
    });
  }

  ReducePlan plan_;
  FoldColumns fold_, largest_;
};

}  // namespace

std::unique_ptr<Step> MakePlaneReduce(const KernelTable& kernels, Reduce fn, const Tensor& x, int y,
                                      int64_t image_stride, int64_t channel_stride) {
  return std::make_unique<PlaneReduceStep>(kernels, fn, x, y, image_stride, channel_stride);
}

Status Build(const ReduceSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const int v = step.inputs[0];
  const Shape shape = builder.shape(v);
  const int rank = static_cast<int>(shape.size());
  std::vector<bool> reduced(shape.size(), false);
  for (int axis : spec.axes) {
    if (axis < -rank || axis >= rank)
      return Status::Invalid(builder.Where() + ": axis " + std::to_string(axis) + " of a tensor of rank " +
                             std::to_string(rank));
    reduced[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  }
  Shape kept_shape = shape, squeezed;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (reduced[i]) kept_shape[i] = 1;
    if (!reduced[i]) squeezed.push_back(shape[i]);
  }
  const Shape& result = builder.shape(step.outputs[0]);
  if (result != kept_shape && result != squeezed)
    return Status::Invalid(builder.Where() + ": the shape of the output does not fit the reduced axes");

  Tensor x, y;
  const int64_t outputs = ElementCount(builder.shape(step.outputs[0]));
  const bool planes = rank == 4 && !reduced[0] && !reduced[1] && reduced[2] && reduced[3];
  if (planes && builder.IsBlocked(v)) {
    LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kBlocked, &x));
    LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));
    const std::vector<Extent> ys = PlainExtents(y);
    builder.Add(MakePlaneReduce(builder.kernels(), spec.fn, x, y.id, ys[0].stride, ys[1].stride),
                {step.name, step.op, "planes blocked", 0, BytesOf(x)});
    return Status::Ok();
  }

  LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));
  // The kept axes of x are those of y in order; with kept dimensions of extent 1 in between, which do not matter.
  const std::vector<Extent> xs = PlainExtents(x), ys = PlainExtents(y);
  const bool keeps = ys.size() == xs.size();
  std::vector<RowAxis> kept, terms;
  int64_t count = 1;
  size_t next = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (reduced[i]) {
      terms.push_back({xs[i].size, {xs[i].stride, 0, 0}});
      count *= xs[i].size;
    } else {
      const size_t j = keeps ? i : next++;
      kept.push_back({xs[i].size, {xs[i].stride, ys[j].stride, 0}});
    }
  }
  const auto per_item = [&](int64_t least) { return std::max(least, kRowChunk / std::max<int64_t>(count, 1)); };
  ReducePlan plan{spec.fn, x.id, y.id, count, RowLoop(kept, per_item(1)), RowLoop(terms, kUncut)};
  const StepInfo info{step.name, step.op, "rows", 0, BytesOf(x) + outputs * static_cast<int64_t>(sizeof(float))};
  // Rows want contiguous terms; columns want contiguous outputs.
  const bool columns = plan.outputs.row_stride(0) == 1 && plan.outputs.row_stride(1) == 1 &&
                       (plan.outputs.row_length() > 1 || plan.terms.row_stride(0) != 1);
  if (columns) {
    const int64_t strip = std::min<int64_t>((per_item(64) + 63) / 64 * 64, kRowChunk);
    plan.outputs = RowLoop(kept, strip);
    builder.ReserveScratch(static_cast<size_t>(strip));
    builder.Add(std::make_unique<ColumnReduceStep>(builder.kernels(), std::move(plan)), info);
    return Status::Ok();
  }
  plan.terms.RequireUnitStrides();
  builder.Add(std::make_unique<RowReduceStep>(builder.kernels(), std::move(plan)), info);
  return Status::Ok();
}

}  // namespace lanewise
