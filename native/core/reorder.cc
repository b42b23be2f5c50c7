#include "core/reorder.h"

#include <algorithm>
#include <cstring>

namespace lanewise {
namespace {

// A rank-4 copy works plane row by plane row (or on whole planes where both sides are dense): one item is one row of
// one channel block, or of all channels where one side is NHWC and the other has no blocks.
class ReorderStep : public Step {
 public:
  ReorderStep(const Tensor& source, const Tensor& target, const KernelTable& kernels)
      : x_(source), y_(target), transpose_(kernels.transpose) {
    block_ = x_.layout == Layout::kBlocked ? x_.lanes : y_.layout == Layout::kBlocked ? y_.lanes : x_.c();
    if (x_.layout == Layout::kPlain && y_.layout == Layout::kPlain) block_ = 1;
    blocks_ = block_ == 0 ? 0 : (x_.c() + block_ - 1) / block_;
    rows_ = x_.h();
    cols_ = x_.w();
    if (x_.dense() && y_.dense()) {
      cols_ *= rows_;
      rows_ = std::min<int64_t>(rows_, 1);
    }
  }

  size_t items() const override { return cols_ == 0 ? 0 : static_cast<size_t>(x_.n() * blocks_ * rows_); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t i = begin; i < end; ++i) {
      const auto item = static_cast<int64_t>(i);
      const int64_t row = item % rows_, block = item / rows_ % blocks_, image = item / rows_ / blocks_;
      const int64_t channels = std::min(block_, x_.c() - block * block_);
      const float* x = context.Data(x_.id) + Offset(x_, image, block, row);
      float* y = context.Data(y_.id) + Offset(y_, image, block, row);
      CopyRow(x, y, channels);
    }
  }

 private:
  int64_t Offset(const Tensor& t, int64_t image, int64_t block, int64_t row) const {
    const int64_t channel_offset =
        t.layout == Layout::kBlocked ? block * t.block_stride : block * block_ * t.block_stride;
    return image * t.image_stride + channel_offset + row * t.row_stride;
  }

  void CopyRow(const float* x, float* y, int64_t channels) const {
    const auto cols = static_cast<size_t>(cols_), count = static_cast<size_t>(channels);
    const bool x_planar = x_.layout == Layout::kPlain, y_planar = y_.layout == Layout::kPlain;
    if (x_planar && y_planar) {
      std::memcpy(y, x, cols * sizeof(float));
    } else if (x_planar) {
      transpose_(x, x_.block_stride, y, y_.pixel_stride, count, cols);
    } else if (y_planar) {
      transpose_(x, x_.pixel_stride, y, y_.block_stride, cols, count);
    } else if (x_.pixel_stride == channels && y_.pixel_stride == channels) {
      std::memcpy(y, x, cols * count * sizeof(float));
    } else {
      for (size_t i = 0; i < cols; ++i) {
        std::memcpy(y, x, count * sizeof(float));
        x += x_.pixel_stride;
        y += y_.pixel_stride;
      }
    }
  }

  Tensor x_, y_;
  TransposeKernel transpose_;
  int64_t block_, blocks_, rows_, cols_;
};

// Contiguous elements of any rank.
class CopyStep : public Step {
 public:
  CopyStep(const Tensor& source, const Tensor& target)
      : x_(source.id), y_(target.id), size_(ElementCount(target.shape) * ElementBytes(target.type)) {}
  size_t items() const override { return static_cast<size_t>((size_ + kChunk - 1) / kChunk); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const int64_t first = static_cast<int64_t>(begin) * kChunk;
    const int64_t last = std::min(size_, static_cast<int64_t>(end) * kChunk);
    if (first < last) {
      const auto* x = reinterpret_cast<const char*>(context.Data(x_));
      std::memcpy(reinterpret_cast<char*>(context.Data(y_)) + first, x + first, static_cast<size_t>(last - first));
    }
  }

 private:
  static constexpr int64_t kChunk = 64 * 1024;  // bytes
  int x_, y_;
  int64_t size_;
};

// The halo of a plane is one stretch before its first pixel, one between every two rows, and one behind its last pixel.
class HaloFillStep : public Step {
 public:
  HaloFillStep(const Tensor& target, const float* value) : t_(target), value_(value) {
    planes_ = t_.layout == Layout::kBlocked ? t_.blocks() : t_.layout == Layout::kPlain ? t_.c() : 1;
  }
  size_t items() const override { return static_cast<size_t>(t_.n() * planes_); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const int64_t pixel = t_.pixel_stride, row = t_.row_stride, between = row - t_.w() * pixel;
    const int64_t before = t_.halo.top * row + t_.halo.left * pixel;
    const int64_t behind = t_.halo.right * pixel + t_.halo.bottom * row;
    for (size_t i = begin; i < end; ++i) {
      const auto item = static_cast<int64_t>(i);
      const int64_t plane = item % planes_, image = item / planes_;
      float* p = context.Data(t_.id) + image * t_.image_stride;
      // Planes: one channel (kPlain), one block (kBlocked), all channels (kNhwc, whose block stride is irrelevant).
      if (t_.layout != Layout::kNhwc) p += plane * t_.block_stride;
      const float* value =
          value_ == nullptr ? nullptr : value_ + plane * (t_.layout == Layout::kBlocked ? t_.lanes : 1);
      if (t_.h() == 0) {
        Fill(p - before, (t_.halo.top + t_.halo.bottom) * row, value);
        continue;
      }
      Fill(p - before, before, value);
      p += t_.w() * pixel;
      for (int64_t r = 1; r < t_.h(); ++r, p += row) Fill(p, between, value);
      Fill(p, behind, value);
    }
  }

 private:
  void Fill(float* p, int64_t count, const float* value) const {
    if (value == nullptr) {
      // Most stretches are two pixels, for which memset takes longer to begin than to do.
      constexpr int64_t kSome = 8;
      for (; count >= kSome; count -= kSome, p += kSome) std::memset(p, 0, kSome * sizeof(float));
      std::fill_n(p, count, 0.f);
      return;
    }
    for (; count > 0; count -= t_.pixel_stride) p = std::copy_n(value, t_.pixel_stride, p);
  }

  Tensor t_;
  const float* value_;
  int64_t planes_;
};

// A step and the filling of halos that it needs. Every range of items is a range of both steps in the same proportion:
// their items differ in size, and shares cut from one long row of both would leave a thread with nothing but the small
// ones.
class ParallelStep : public Step {
 public:
  ParallelStep(std::unique_ptr<Step> first, std::unique_ptr<Step> second)
      : first_(std::move(first)), second_(std::move(second)) {}
  size_t items() const override { return std::max(first_->items(), second_->items()); }
  WeightSpan weights() const override { return second_->weights(); }
  void ReadAhead(const std::vector<WeightSpan>& spans) override { second_->ReadAhead(spans); }
  int64_t ReadsAhead() const override { return second_->ReadsAhead(); }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    const size_t all = items();
    for (const Step* step : {first_.get(), second_.get()}) {
      const size_t n = step->items();
      RunContext inner = context;
      if (context.since < begin) inner.since = n * context.since / all;
      if (n * begin / all < n * end / all) step->Run(inner, n * begin / all, n * end / all);
    }
  }

 private:
  std::unique_ptr<Step> first_, second_;
};

}  // namespace

std::unique_ptr<Step> MakeReorder(const Tensor& source, const Tensor& target, const KernelTable& kernels) {
  if (source.shape.size() != 4 || source.type != Element::kFloat32) return std::make_unique<CopyStep>(source, target);
  return std::make_unique<ReorderStep>(source, target, kernels);
}

const char* ReorderName(Layout source, Layout target) {
  static const char* const names[3][3] = {{"copy", "nchw>nhwc", "nchw>blocked"},
                                          {"nhwc>nchw", "copy", "nhwc>blocked"},
                                          {"blocked>nchw", "blocked>nhwc", "copy"}};
  return names[static_cast<int>(source)][static_cast<int>(target)];
}

std::unique_ptr<Step> MakeHaloFill(const Tensor& target, const float* value) {
  return std::make_unique<HaloFillStep>(target, value);
}

std::unique_ptr<Step> MakeParallel(std::unique_ptr<Step> first, std::unique_ptr<Step> second) {
  return std::make_unique<ParallelStep>(std::move(first), std::move(second));
}

}  // namespace lanewise
