// The loops of convolutions that work plane by plane (depthwise, small groups): images, blocks of output channels,
// rows, tiles of a row. The kernel's argument struct is the template parameter; what differs is set per block.
#pragma once
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/conv.h"

namespace lanewise {

// Block: int64_t operator()(const RunContext&, int64_t block, Args*) sets weights, bias and whatever else belongs to a
// block of output channels, and returns the block of the input it reads. void InRow(int64_t row, Args*) and
// void InCols(int64_t col, int64_t pixels, Args*) set what depends on where in the plane the pixels are.
template <typename Args, typename Block>
class PlaneStep : public RowStep {
 public:
  using Kernel = void (*)(const Args&);

  // `common` holds the fields that are the same for all blocks.
  PlaneStep(const Conv2dSpec& spec, const ConvExtents& e, const Tensor& x, const Tensor& y, BoundEpilogue bound,
            const Kernel* kernels, int threads, Args common, Block block)
      : images_(e.n),
        rows_(e.oh),
        cols_(e.ow),
        x_(x),
        y_(y),
        bound_(std::move(bound)),
        kernels_(kernels),
        common_(common),
        block_(std::move(block)),
        x_row_step_(spec.strides.h * x.row_stride),
        x_origin_(-spec.pads.top * x.row_stride - spec.pads.left * x.pixel_stride) {
    int max_pixels = kMaxRowPixels;
    while (kernels_[max_pixels - 1] == nullptr) --max_pixels;
    tiles_ = (cols_ + max_pixels - 1) / max_pixels;
    // Pieces of a plane, such that there are at least about sixteen items, and four for each thread.
    const int64_t planes = images_ * y.blocks(), wanted = std::max(16, 4 * threads);
    const int64_t pieces = planes >= wanted || planes == 0 ? 1 : (wanted + planes - 1) / planes;
    rows_per_item_ = std::max<int64_t>(1, (rows_ + pieces - 1) / pieces);
    items_per_plane_ = (rows_ + rows_per_item_ - 1) / rows_per_item_;
    common_.x_pixel_stride = spec.strides.w * x.pixel_stride;
    common_.y_pixel_stride = y.pixel_stride;
    common_.epilogue = bound_.epilogue;
    common_.epilogue.residual_pixel_stride = bound_.residual.pixel_stride;
    common_.epilogue.gate_pixel_stride = bound_.gate.pixel_stride;
  }

  WeightSpan weights() const override { return SpanOf(block_.weights.weights); }
  size_t items() const override {
    return cols_ == 0 ? 0 : static_cast<size_t>(images_ * y_.blocks() * items_per_plane_);
  }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t i = begin; i < end; ++i) {
      const auto item = static_cast<int64_t>(i);
      const int64_t row = item % items_per_plane_ * rows_per_item_, plane = item / items_per_plane_;
      RunPlane(context, plane / y_.blocks(), plane % y_.blocks(), row, std::min(row + rows_per_item_, rows_));
    }
  }

  void RunRows(const RunContext& context, int64_t image, int64_t begin, int64_t end) const override {
    for (int64_t block = 0; block < y_.blocks(); ++block) RunPlane(context, image, block, begin, end);
  }

 private:
  void RunPlane(const RunContext& context, int64_t image, int64_t block, int64_t begin, int64_t end) const {
    Args args = common_;
    const int64_t input_block = block_(context, block, &args);
    const int64_t channel = block * y_.lanes;
    if (args.epilogue.scale != nullptr) {
      args.epilogue.scale += channel;
      args.epilogue.shift += channel;
    }
    if (args.epilogue.slope != nullptr) args.epilogue.slope += channel;
    const auto plane = [&](const PixelGrid& grid) -> const float* {
      return grid.tensor == kNone ? nullptr
                                  : context.Data(grid.tensor) + image * grid.image_stride + block * grid.block_stride;
    };
    const float* residual = plane(bound_.residual);
    const float* gate = plane(bound_.gate);
    const float* x = context.Data(x_.id) + x_origin_ + image * x_.image_stride + input_block * x_.block_stride;
    float* y = context.Data(y_.id) + image * y_.image_stride + block * y_.block_stride;

    // Small maps: as little as possible between the calls.
    if (tiles_ == 1 && residual == nullptr && gate == nullptr) {
      const auto kernel = kernels_[cols_ - 1];
      args.x = x + begin * x_row_step_;
      args.y = y + begin * y_.row_stride;
      block_.InCols(0, cols_, &args);
      for (int64_t row = begin; row < end; ++row) {
        block_.InRow(row, &args);
        kernel(args);
        args.x += x_row_step_;
        args.y += y_.row_stride;
      }
      return;
    }
    const int64_t small = cols_ / tiles_, large_count = cols_ % tiles_;
    for (int64_t row = begin; row < end; ++row) {
      block_.InRow(row, &args);
      int64_t col = 0;
      for (int64_t tile = 0; tile < tiles_; ++tile) {
        const int64_t pixels = small + (tile < large_count ? 1 : 0);
        args.x = x + row * x_row_step_ + col * args.x_pixel_stride;
        args.y = y + row * y_.row_stride + col * y_.pixel_stride;
        if (residual != nullptr) {
          args.epilogue.residual = residual + row * bound_.residual.row_stride + col * bound_.residual.pixel_stride;
        }
        if (gate != nullptr) {
          args.epilogue.gate = gate + row * bound_.gate.row_stride + col * bound_.gate.pixel_stride;
        }
        block_.InCols(col, pixels, &args);
        kernels_[pixels - 1](args);
        col += pixels;
      }
    }
  }

  int64_t images_, rows_, cols_;
  Tensor x_, y_;
  BoundEpilogue bound_;
  const Kernel* kernels_;
  Args common_;
  Block block_;
  int64_t x_row_step_, x_origin_;
  int64_t tiles_, rows_per_item_, items_per_plane_;
};

}  // namespace lanewise
