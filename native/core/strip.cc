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
// Several threads: so many items for each, so that none waits long for another, but of this many rows.
constexpr int64_t kItemsPerThread = 8, kFewestItemRows = 4;

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

// An item fills the buffer once.
class StripStep : public Step {
 public:
  StripStep(std::unique_ptr<Step> first, std::unique_ptr<Step> second, const Tensor& between, const Strip& strip,
            const Shape& result)
      : first_(std::move(first)),
        second_(std::move(second)),
        between_(between),
        strip_(strip),
        images_(result[0]),
        rows_(result[2]) {}

  size_t items() const override { return static_cast<size_t>(images_ * strip_.items); }
  WeightSpan weights() const override { return first_->weights(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    bool continued = context.since < begin;
    if (!continued) ClearColumns(context.scratch);
    for (size_t item = begin; item < end; ++item) {
      RunItem(context, static_cast<int64_t>(item), continued);
      continued = true;
    }
  }

 private:
  // `continued`: the buffer is as the item before left it.
  void RunItem(const RunContext& context, int64_t item, bool continued) const {
    const RowWindow& window = strip_.window;
    const int64_t image = item / strip_.items, i = item % strip_.items;
    const int64_t row = FirstRow(i), end = FirstRow(i + 1);
    // Of the value: the buffer begins with row `base` and is wanted up to `needed`.
    const int64_t base = row * window.stride - window.before;
    const int64_t needed = EndOfWindows(end);
    int64_t computed = base;
    if (continued && i > 0 && EndOfWindows(row) > base) {
      computed = EndOfWindows(row);
      Keep(context.scratch, (row - FirstRow(i - 1)) * window.stride, computed - base);
    }

    RunContext inner = context;
    inner.scratch = nullptr;  // neither step has a use for it
    inner.local_tensor = between_.id;
    inner.local = context.scratch + between_.halo.left * between_.pixel_stride - base * between_.row_stride;
    for (int64_t r = computed; r < needed; ++r) {
      if (r < 0 || r >= between_.h()) ClearRow(context.scratch, r - base);
    }
    first_->AsRows()->RunRows(inner, image, std::clamp<int64_t>(computed, 0, between_.h()),
                              std::clamp<int64_t>(needed, 0, between_.h()));
    second_->AsRows()->RunRows(inner, image, row, end);
  }

  int64_t FirstRow(int64_t item) const { return rows_ * item / strip_.items; }
  // Of the value, behind what all rows of the result before `row` need.
  int64_t EndOfWindows(int64_t row) const {
    return (row - 1) * strip_.window.stride - strip_.window.before + strip_.window.extent;
  }

  // Moves `rows` rows from row `from` of the buffer to its start.
  void Keep(float* buffer, int64_t from, int64_t rows) const {
    const auto bytes = static_cast<size_t>(rows * between_.row_stride) * sizeof(float);
    for (int64_t b = 0; b < between_.blocks(); ++b) {
      float* block = buffer + b * between_.block_stride;
      std::memmove(block, block + from * between_.row_stride, bytes);
    }
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
  int64_t images_, rows_;
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
    const int64_t rows = builder.shape(reader.outputs[0])[2], threads = builder.options().threads;
    const auto row_bytes = whole.blocks() * whole.row_stride * static_cast<int64_t>(sizeof(float));
    if (row_bytes * whole.h() <= kBufferShare * buffer_bytes || rows < kFewestRows * threads) continue;
    const int64_t fitting = buffer_bytes / row_bytes;
    if (fitting < strip.window.extent + strip.window.stride) continue;
    // Rows of the result for which the buffer has room.
    const int64_t room = (fitting - strip.window.extent) / strip.window.stride + 1;
    strip.items = (rows + room - 1) / room;
    if (threads > 1) {
      const int64_t shared = threads * std::clamp<int64_t>(rows / threads / kFewestItemRows, 1, kItemsPerThread);
      strip.items = std::max(strip.items, shared);
    }
    const int64_t most = (rows + strip.items - 1) / strip.items;
    strip.buffer_rows = (most - 1) * strip.window.stride + strip.window.extent;
    strips[static_cast<size_t>(v)] = strip;
    ++i;  // a reader has its own rows computed whole
  }
  return strips;
}

std::unique_ptr<Step> MakeStrips(std::unique_ptr<Step> first, std::unique_ptr<Step> second, const Tensor& between,
                                 const Strip& strip, const Shape& result, PlanBuilder& builder) {
  builder.ReserveScratch(static_cast<size_t>(between.blocks() * between.block_stride));
  return std::make_unique<StripStep>(std::move(first), std::move(second), between, strip, result);
}

}  // namespace lanewise
