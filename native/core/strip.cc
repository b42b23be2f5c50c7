#include "core/strip.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/conv.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

// Of the second cache, for the buffer; inputs, weights and results pass through the rest.
constexpr int64_t kBufferShare = 2;
// A thread computes the rows above its first one again, which others have too: it should have more of its own.
constexpr int64_t kFewestRows = 8;
// An item should not be long: a run is aborted between two.
constexpr int64_t kMostRows = 64;

// What a step reads of its first input; false where it does not work row by row, or reads more than that and constants.
bool WindowOf(const StepSpec& step, const PlanBuilder& builder, RowWindow* window) {
  if (const auto* pool = std::get_if<Pool2dSpec>(&step.spec)) {
    *window = {pool->strides.h, pool->pads.top, (pool->kernel.h - 1) * pool->dilations.h + 1};
    return pool->kernel.h > 0 && pool->strides.h > 0 && pool->dilations.h > 0 && pool->pads.top >= 0;
  }
  const auto* conv = std::get_if<Conv2dSpec>(&step.spec);
  if (conv == nullptr || !IsPlanewise(*conv, step, builder)) return false;
  *window = {conv->strides.h, conv->pads.top, (builder.shape(step.inputs[1])[2] - 1) * conv->dilations.h + 1};
  const EpilogueSpec& e = conv->epilogue;
  return conv->pads.top >= 0 && conv->pad_value == kNone && e.residual == kNone && e.gate == kNone;
}

class StripStep : public Step {
 public:
  StripStep(std::unique_ptr<Step> first, std::unique_ptr<Step> second, const Tensor& between, const Strip& strip,
            const Shape& result, int threads)
      : first_(std::move(first)),
        second_(std::move(second)),
        between_(between),
        strip_(strip),
        images_(result[0]),
        rows_(result[2]) {
    const int64_t most = std::max<int64_t>(1, rows_ / kFewestRows);
    const int64_t wanted = std::max<int64_t>(rows_ / kMostRows, threads == 1 ? 1 : 2 * threads);
    pieces_ = std::clamp<int64_t>(wanted, 1, most);
  }

  size_t items() const override { return static_cast<size_t>(images_ * pieces_); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t item = begin; item < end; ++item) {
      const int64_t piece = static_cast<int64_t>(item) % pieces_;
      RunPiece(context, static_cast<int64_t>(item) / pieces_, rows_ * piece / pieces_, rows_ * (piece + 1) / pieces_);
    }
  }

 private:
  void RunPiece(const RunContext& context, int64_t image, int64_t row, int64_t end) const {
    const RowWindow& window = strip_.window;
    float* buffer = context.scratch;
    ClearColumns(buffer);
    RunContext inner = context;
    inner.scratch = nullptr;  // neither step has a use for it
    inner.local_tensor = between_.id;
    int64_t first = 0, computed = 0;  // rows [first, computed) of the value are in the buffer, from its start
    while (row < end) {
      const int64_t base = row * window.stride - window.before;
      const int64_t count = std::min(end - row, (strip_.buffer_rows - window.extent) / window.stride + 1);
      const int64_t needed = base + (count - 1) * window.stride + window.extent;
      computed = Keep(buffer, first, computed, base);
      first = base;
      inner.local = buffer + between_.halo.left * between_.pixel_stride - base * between_.row_stride;
      for (int64_t r = computed; r < needed; ++r) {
        if (r < 0 || r >= between_.h()) ClearRow(buffer, r - base);
      }
      first_->AsRows()->RunRows(inner, image, std::clamp<int64_t>(computed, 0, between_.h()),
                                std::clamp<int64_t>(needed, 0, between_.h()));
      second_->AsRows()->RunRows(inner, image, row, row + count);
      computed = needed;
      row += count;
    }
  }

  // Moves the rows from `base` on to the start of the buffer. Returns the row to go on with.
  int64_t Keep(float* buffer, int64_t first, int64_t computed, int64_t base) const {
    if (computed <= base || first >= computed) return base;
    const auto bytes = static_cast<size_t>((computed - base) * between_.row_stride) * sizeof(float);
    for (int64_t b = 0; b < between_.blocks(); ++b) {
      float* block = buffer + b * between_.block_stride;
      std::memmove(block, block + (base - first) * between_.row_stride, bytes);
    }
    return computed;
  }

  void ClearRow(float* buffer, int64_t row) const {
    for (int64_t b = 0; b < between_.blocks(); ++b) {
      std::fill_n(buffer + b * between_.block_stride + row * between_.row_stride, between_.row_stride, 0.f);
    }
  }

  // The border at the sides, which no step writes.
  void ClearColumns(float* buffer) const {
    const int64_t left = between_.halo.left * between_.pixel_stride,
                  right = between_.halo.right * between_.pixel_stride;
    for (int64_t b = 0; b < between_.blocks(); ++b) {
      for (int64_t row = 0; row < strip_.buffer_rows; ++row) {
        float* start = buffer + b * between_.block_stride + row * between_.row_stride;
        std::fill_n(start, left, 0.f);
        std::fill_n(start + between_.row_stride - right, right, 0.f);
      }
    }
  }

  std::unique_ptr<Step> first_, second_;
  Tensor between_;
  Strip strip_;
  int64_t images_, rows_, pieces_;
};

}  // namespace

std::vector<Strip> FindStrips(const PlanBuilder& builder) {
  const PlanSpec& spec = builder.spec();
  const auto cache = static_cast<int64_t>(Caches().l2_bytes);
  const int64_t buffer_bytes = builder.options().strip_bytes.value_or(cache / kBufferShare);
  std::vector<Strip> strips(spec.values.size());
  std::vector<int> uses(spec.values.size(), 0);
  for (const StepSpec& step : spec.steps) {
    for (int v : ReadValues(step)) ++uses[static_cast<size_t>(v)];
  }
  for (const PortSpec& port : spec.outputs) ++uses[static_cast<size_t>(port.value)];
  for (size_t i = 0; i + 1 < spec.steps.size(); ++i) {
    const StepSpec &step = spec.steps[i], &reader = spec.steps[i + 1];
    const int v = step.outputs[0];
    const auto* conv = std::get_if<Conv2dSpec>(&step.spec);
    if (conv == nullptr || reader.inputs[0] != v || uses[static_cast<size_t>(v)] != 1) continue;
    Strip strip;
    if (!IsDirectDense(*conv, step, builder) || !WindowOf(reader, builder, &strip.window)) continue;
    const Tensor whole = builder.Blocked(v);
    if (builder.shape(reader.outputs[0]).size() != 4) continue;
    const int64_t rows = builder.shape(reader.outputs[0])[2];
    const auto row_bytes = whole.blocks() * whole.row_stride * static_cast<int64_t>(sizeof(float));
    const int64_t least = strip.window.extent + strip.window.stride;
    const int64_t fitting = row_bytes == 0 ? 0 : buffer_bytes / row_bytes;
    if (row_bytes * whole.h() <= kBufferShare * buffer_bytes) continue;
    if (fitting < least || rows < kFewestRows * builder.options().threads) continue;
    strip.buffer_rows = std::min(fitting, (rows - 1) * strip.window.stride + strip.window.extent);
    strips[static_cast<size_t>(v)] = strip;
    ++i;  // a reader has its own rows computed whole
  }
  return strips;
}

std::unique_ptr<Step> MakeStrips(std::unique_ptr<Step> first, std::unique_ptr<Step> second, const Tensor& between,
                                 const Strip& strip, const Shape& result, PlanBuilder& builder) {
  builder.ReserveScratch(static_cast<size_t>(between.blocks() * between.block_stride));
  return std::make_unique<StripStep>(std::move(first), std::move(second), between, strip, result,
                                     builder.options().threads);
}

}  // namespace lanewise
