// Convolution in small groups, and depthwise with a multiplier: one output row at a time, one block of output channels
// at a time, whose lanes are permuted out of one block of input channels.
#include <string>

#include "core/conv.h"

namespace lanewise {
namespace {

class GroupedStep : public Step {
 public:
  GroupedStep(const Conv2dSpec& spec, const ConvExtents& e, const Tensor& x, const Tensor& y, BoundEpilogue bound,
                PackedWeights weights, std::shared_ptr<Buffer> bias, const KernelTable& kernels)
      : e_(e),
        x_(x),
        y_(y),
        bound_(std::move(bound)),
        weights_(std::move(weights)),
        bias_(std::move(bias)),
        kernels_(kernels.grouped),
        x_row_step_(spec.strides.h * x.row_stride),
        x_pixel_step_(spec.strides.w * x.pixel_stride),
        x_tap_step_(spec.dilations.w * x.pixel_stride),
        x_origin_(-spec.pads.top * x.row_stride - spec.pads.left * x.pixel_stride),
        rows_per_item_(RowsPerItem(e.n * y.blocks(), e.oh)) {
    for (int64_t ky = 0; ky < e.kh; ++ky) row_offsets_.push_back(ky * spec.dilations.h * x.row_stride);
    // Which block of the input a block of outputs reads, and which of its lanes.
    for (int64_t block = 0; block < y.blocks(); ++block) {
      input_blocks_.push_back(block * y.lanes / e.group_outputs * e.group_inputs / x.lanes);
      for (int64_t j = 0; j < e.group_inputs; ++j) {
        for (int64_t lane = 0; lane < y.lanes; ++lane) {
          const int64_t channel = std::min(block * y.lanes + lane, e.o - 1);
          const int64_t input = channel / e.group_outputs * e.group_inputs + j;
          index_.push_back(static_cast<int32_t>(input % x.lanes));
        }
      }
    }
    int max_pixels = kMaxRowPixels;
    while (kernels_[max_pixels - 1] == nullptr) --max_pixels;
    tiles_ = (e.ow + max_pixels - 1) / max_pixels;
    items_per_plane_ = (e.oh + rows_per_item_ - 1) / rows_per_item_;
  }

  size_t items() const override {
    return e_.ow == 0 ? 0 : static_cast<size_t>(e_.n * y_.blocks() * items_per_plane_);
  }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (size_t item = begin; item < end; ++item) RunItem(context, static_cast<int64_t>(item));
  }

 private:
  void RunItem(const RunContext& context, int64_t item) const {
    const int64_t first_row = item % items_per_plane_ * rows_per_item_;
    const int64_t block = item / items_per_plane_ % y_.blocks();
    const int64_t image = item / items_per_plane_ / y_.blocks();
    GroupedArgs args{};
    args.x_pixel_stride = x_pixel_step_;
    args.x_tap_stride = x_tap_step_;
    args.row_offsets = row_offsets_.data();
    args.kernel_rows = row_offsets_.size();
    args.kernel_cols = static_cast<size_t>(e_.kw);
    args.depth = static_cast<size_t>(e_.group_inputs);
    args.index = index_.data() + block * e_.group_inputs * y_.lanes;
    const float* weights = weights_.weights ? weights_.weights->data() : context.Data(weights_.grid.tensor);
    args.weights = weights + block * e_.taps() * e_.group_inputs * y_.lanes;
    args.bias = bias_->data() + block * y_.lanes;
    args.y_pixel_stride = y_.pixel_stride;
    args.epilogue = bound_.epilogue;
    const int64_t channel = block * y_.lanes;
    if (args.epilogue.scale != nullptr) {
      args.epilogue.scale += channel;
      args.epilogue.shift += channel;
    }
    if (args.epilogue.slope != nullptr) args.epilogue.slope += channel;
    args.epilogue.residual_pixel_stride = bound_.residual.pixel_stride;
    args.epilogue.gate_pixel_stride = bound_.gate.pixel_stride;
    const auto at = [&](const PixelGrid& grid) -> const float* {
      return grid.tensor == kNone ? nullptr
                                  : context.Data(grid.tensor) + image * grid.image_stride + block * grid.block_stride;
    };
    const float* residual = at(bound_.residual);
    const float* gate = at(bound_.gate);
    const float* x = context.Data(x_.id) + x_origin_ + image * x_.image_stride + input_blocks_[static_cast<size_t>(block)] * x_.block_stride;
    float* y = context.Data(y_.id) + image * y_.image_stride + block * y_.block_stride;

    const int64_t small = e_.ow / tiles_, large_count = e_.ow % tiles_;
    const int64_t end = std::min(first_row + rows_per_item_, e_.oh);
    for (int64_t row = first_row; row < end; ++row) {
      int64_t col = 0;
      for (int64_t tile = 0; tile < tiles_; ++tile) {
        const int64_t pixels = small + (tile < large_count ? 1 : 0);
        args.x = x + row * x_row_step_ + col * x_pixel_step_;
        args.y = y + row * y_.row_stride + col * y_.pixel_stride;
        if (residual != nullptr) {
          args.epilogue.residual = residual + row * bound_.residual.row_stride + col * bound_.residual.pixel_stride;
        }
        if (gate != nullptr) {
          args.epilogue.gate = gate + row * bound_.gate.row_stride + col * bound_.gate.pixel_stride;
        }
        kernels_[pixels - 1](args);
        col += pixels;
      }
    }
  }

  ConvExtents e_;
  Tensor x_, y_;
  BoundEpilogue bound_;
  PackedWeights weights_;
  std::shared_ptr<Buffer> bias_;
  const GroupedKernel* kernels_;
  std::vector<ptrdiff_t> row_offsets_;
  std::vector<int64_t> input_blocks_;
  std::vector<int32_t> index_;  // [block][j][lane]
  int64_t x_row_step_, x_pixel_step_, x_tap_step_, x_origin_;
  int64_t rows_per_item_, items_per_plane_, tiles_;
};

}  // namespace

Status BuildPermutedGroups(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  const int64_t lanes = builder.lanes();
  const Halo halo = ConvHalo(spec, builder.shape(step.inputs[0]), builder.shape(step.inputs[1]),
                             builder.shape(step.outputs[0]));
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, halo, spec.pad_value, &x));
  BoundEpilogue bound;
  LANEWISE_RETURN_IF_ERROR(BindEpilogue(spec.epilogue, e.o, Layout::kBlocked, builder, &bound));
  LANEWISE_RETURN_IF_ERROR(ConvOutput(spec.epilogue, step, builder, &y));

  const auto size = static_cast<size_t>(y.blocks() * e.taps() * e.group_inputs * lanes);
  const auto pack = [=](const float* weights, float* packed) {
    for (int64_t o = 0; o < e.o; ++o) {
      for (int64_t ky = 0; ky < e.kh; ++ky) {
        for (int64_t j = 0; j < e.group_inputs; ++j) {
          for (int64_t kx = 0; kx < e.kw; ++kx) {
            packed[(((o / lanes * e.kh + ky) * e.group_inputs + j) * e.kw + kx) * lanes + o % lanes] =
                weights[((o * e.group_inputs + j) * e.kh + ky) * e.kw + kx];
          }
        }
      }
    }
  };
  const std::string form = "grouped " + std::to_string(lanes);
  PackedWeights weights;
  LANEWISE_RETURN_IF_ERROR(PackWeights(step.inputs[1], form, size, pack, builder, &weights));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(
      spec.epilogue.bias, form, static_cast<size_t>(y.blocks() * lanes),
      [channels = e.o](const float* values, float* packed) { std::copy_n(values, channels, packed); }, builder, &bias));

  StepInfo info;
  info.kernel = "grouped by " + std::to_string(e.group_inputs) + " " + std::to_string(e.kh) + "x" + std::to_string(e.kw);
  info.macs = e.macs();
  info.bytes = 4 * (e.n * e.c * e.h * e.w + e.n * e.o * e.oh * e.ow + e.o * e.group_inputs * e.taps()) + bound.bytes;
  builder.Add(std::make_unique<GroupedStep>(spec, e, x, y, std::move(bound), std::move(weights), std::move(bias),
                                              builder.kernels()),
              info);
  return Status::Ok();
}

}  // namespace lanewise
