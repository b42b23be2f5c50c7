// Depthwise convolution: every block of channels is convolved with its own kernel.
#include <string>

#include "core/plane_step.h"

namespace lanewise {
namespace {

struct DepthwiseBlock {
  PackedWeights weights;
  std::shared_ptr<Buffer> bias;
  std::vector<ptrdiff_t> offsets;  // of the taps, from a pixel's first one
  int64_t lanes;
  // Of the kernels for squares. Windows may be wholly above or below the input, by any pads.
  int64_t side, h, w;
  Pair strides;
  Pads pads;

  int64_t operator()(const RunContext& context, int64_t block, DepthwiseArgs* args) const {
    const float* packed = weights.weights ? weights.weights->data() : context.Data(weights.grid.tensor);
    args->weights = packed + block * static_cast<int64_t>(offsets.size()) * lanes;
    args->bias = bias->data() + block * lanes;
    args->offsets = offsets.data();
    args->taps = offsets.size();
    return block;
  }
  void InRow(int64_t row, DepthwiseArgs* args) const {
    const int64_t top = row * strides.h - pads.top;
    args->first_row = static_cast<int>(std::clamp<int64_t>(-top, 0, side));
    args->end_row = static_cast<int>(std::clamp<int64_t>(h - top, 0, side));
  }
  void InCols(int64_t col, int64_t pixels, DepthwiseArgs* args) const {
    const int64_t left = col * strides.w - pads.left;
    args->first_col = static_cast<int>(std::max<int64_t>(0, -left));
    args->end_col = static_cast<int>(std::min((pixels - 1) * strides.w + side, w - left));
  }
};

}  // namespace

bool IsDepthwiseSquare(const Conv2dSpec& spec, const ConvExtents& e) {
  const int64_t edge = e.kw / 2, right = BorderAfter(e.w, e.ow, e.kw, spec.strides.w, 1, spec.pads.left);
  return IsDepthwise(e) && e.kh == e.kw && (e.kh == 3 || e.kh == 5) && spec.dilations.h == 1 && spec.dilations.w == 1 &&
         (spec.strides.w == 1 || spec.strides.w == 2) && spec.pad_value == kNone && spec.pads.left <= edge &&
         right <= edge;
}

Status BuildDepthwise(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  PlaneOperands p;
  LANEWISE_RETURN_IF_ERROR(BindPlanes(spec, e, step, builder, &p));
  const int64_t lanes = builder.lanes(), taps = e.taps(), channels = e.o;
  const auto pack = [=](const float* weights, float* packed) {
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t t = 0; t < taps; ++t) packed[(c / lanes * taps + t) * lanes + c % lanes] = weights[c * taps + t];
    }
  };
  DepthwiseBlock block;
  block.lanes = lanes;
  const std::string form = "depthwise " + std::to_string(lanes);
  const auto size = static_cast<size_t>(p.y.blocks() * taps * lanes);
  LANEWISE_RETURN_IF_ERROR(
      PackWeights(step.inputs[1], spec.epilogue, form, size, Packer(pack), builder, &block.weights));
  LANEWISE_RETURN_IF_ERROR(PackBlockBias(spec.epilogue, form, channels, builder, &block.bias));
  for (int64_t ky = 0; ky < e.kh; ++ky) {
    for (int64_t kx = 0; kx < e.kw; ++kx) {
      block.offsets.push_back(ky * spec.dilations.h * p.x.row_stride + kx * spec.dilations.w * p.x.pixel_stride);
    }
  }
  block.side = e.kh, block.h = e.h, block.w = e.w;
  block.strides = spec.strides, block.pads = spec.pads;
  const DepthwiseKernel* kernels = IsDepthwiseSquare(spec, e)
                                       ? builder.kernels().depthwise_square[e.kh == 5][spec.strides.w - 1]
                                       : builder.kernels().depthwise;
  const StepInfo info = ConvInfo("depthwise " + std::to_string(e.kh) + "x" + std::to_string(e.kw), e, p.bound);
  builder.Add(
      std::make_unique<PlaneStep<DepthwiseArgs, DepthwiseBlock>>(
          spec, e, p.x, p.y, std::move(p.bound), kernels, builder.options().threads, DepthwiseArgs{}, std::move(block)),
      info);
  return Status::Ok();
}

}  // namespace lanewise
