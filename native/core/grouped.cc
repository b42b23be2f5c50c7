// Convolution in small groups, and depthwise with a multiplier: the lanes of a block of output channels are permuted
// out of one block of input channels.
#include <string>

#include "core/plane_step.h"

namespace lanewise {
namespace {

struct GroupedBlock {
  PackedWeights weights;
  std::shared_ptr<Buffer> bias;
  std::vector<ptrdiff_t> row_offsets;  // of the kernel's rows
  std::vector<int64_t> input_blocks;   // [block]: the input block it reads
  std::vector<int32_t> index;          // [block][j][lane]: lane of channel j of the lane's group
  int64_t lanes, depth, cols;

  int64_t operator()(const RunContext& context, int64_t block, GroupedArgs* args) const {
    const float* packed = weights.weights ? weights.weights->data() : context.Data(weights.grid.tensor);
    args->weights = packed + block * static_cast<int64_t>(row_offsets.size()) * cols * depth * lanes;
    args->bias = bias->data() + block * lanes;
    args->index = index.data() + block * depth * lanes;
    args->row_offsets = row_offsets.data();
    args->kernel_rows = row_offsets.size();
    return input_blocks[static_cast<size_t>(block)];
  }
  void InRow(int64_t, GroupedArgs*) const {}
  void InCols(int64_t, int64_t, GroupedArgs*) const {}
};

}  // namespace

Status BuildPermutedGroups(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder) {
  PlaneOperands p;
  LANEWISE_RETURN_IF_ERROR(BindPlanes(spec, e, step, builder, &p));
  const int64_t lanes = builder.lanes(), depth = e.group_inputs;
  const auto pack = [=](const float* weights, float* packed) {
    for (int64_t o = 0; o < e.o; ++o) {
      for (int64_t ky = 0; ky < e.kh; ++ky) {
        for (int64_t j = 0; j < depth; ++j) {
          for (int64_t kx = 0; kx < e.kw; ++kx) {
            packed[(((o / lanes * e.kh + ky) * depth + j) * e.kw + kx) * lanes + o % lanes] =
                weights[((o * depth + j) * e.kh + ky) * e.kw + kx];
          }
        }
      }
    }
  };
  GroupedBlock block;
  block.lanes = lanes;
  block.depth = depth;
  block.cols = e.kw;
  const std::string form = "grouped " + std::to_string(lanes) + " groups " + std::to_string(e.groups);
  const auto size = static_cast<size_t>(p.y.blocks() * e.taps() * depth * lanes);
  LANEWISE_RETURN_IF_ERROR(
      PackWeights(step.inputs[1], spec.epilogue, form, size, Packer(pack), builder, &block.weights));
  LANEWISE_RETURN_IF_ERROR(PackBlockBias(spec.epilogue, form, e.o, builder, &block.bias));
  for (int64_t ky = 0; ky < e.kh; ++ky) block.row_offsets.push_back(ky * spec.dilations.h * p.x.row_stride);
  for (int64_t b = 0; b < p.y.blocks(); ++b) {
    block.input_blocks.push_back(b * lanes / e.group_outputs * depth / lanes);
    for (int64_t j = 0; j < depth; ++j) {
      for (int64_t lane = 0; lane < lanes; ++lane) {
        const int64_t channel = std::min(b * lanes + lane, e.o - 1);
        block.index.push_back(static_cast<int32_t>((channel / e.group_outputs * depth + j) % lanes));
      }
    }
  }
  GroupedArgs common{};
  common.x_tap_stride = spec.dilations.w * p.x.pixel_stride;
  common.kernel_cols = static_cast<size_t>(e.kw);
  common.depth = static_cast<size_t>(depth);
  const StepInfo info = ConvInfo(
      "grouped by " + std::to_string(depth) + " " + std::to_string(e.kh) + "x" + std::to_string(e.kw), e, p.bound);
  builder.Add(std::make_unique<PlaneStep<GroupedArgs, GroupedBlock>>(
                  spec, e, p.x, p.y, std::move(p.bound), builder.kernels().grouped, builder.options().threads, common,
                  std::move(block)),
              info);
  return Status::Ok();
}

}  // namespace lanewise
