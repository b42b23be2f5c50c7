#include "core/channel_map.h"

#include <cstring>
#include <string>
#include <utility>

#include "core/build.h"
#include "core/row_split.h"
#include "core/strided_move.h"

namespace lanewise {
namespace {

// Where one block of an output comes from.
struct BlockSource {
  struct Part {
    int input;
    int64_t block;
  };
  std::vector<Part> parts;
  std::vector<int32_t> index;  // [parts][lanes], for the kernel
  bool copy = false;           // every live lane is the same lane of one source block
};

struct MappedOutput {
  Tensor y;
  std::vector<BlockSource> blocks;
  bool dense = false;  // this output and all inputs: rows of a plane follow each other
  RowSplit split;
  size_t first_item = 0;
};

BlockSource MapBlock(size_t output, int64_t block, const Tensor& y,
                     const std::function<ChannelSource(size_t, int64_t)>& source) {
  const int lanes = y.lanes;
  BlockSource result;
  std::vector<size_t> part_of_lane;
  std::vector<int32_t> lane_in_part;
  bool same_lane = true;
  for (int64_t l = 0; l < y.lanes_of(block); ++l) {
    const ChannelSource from = source(output, block * lanes + l);
    const int64_t from_block = from.channel / lanes;
    size_t part = 0;
    while (part < result.parts.size() &&
           (result.parts[part].input != from.input || result.parts[part].block != from_block)) {
      ++part;
    }
    if (part == result.parts.size()) result.parts.push_back({from.input, from_block});
    part_of_lane.push_back(part);
    lane_in_part.push_back(static_cast<int32_t>(from.channel % lanes));
    same_lane = same_lane && from.channel % lanes == l;
  }
  result.copy = same_lane && result.parts.size() == 1;
  if (result.copy) return result;
  // The first source is permuted, each later one fills in its lanes; what padded lanes get is of no interest.
  result.index.assign(result.parts.size() * static_cast<size_t>(lanes), 0);
  for (size_t part = 0; part < result.parts.size(); ++part) {
    for (int l = 0; l < lanes; ++l) {
      const size_t lane = static_cast<size_t>(l);
      int32_t& entry = result.index[part * static_cast<size_t>(lanes) + lane];
      const bool mine = lane < part_of_lane.size() && part_of_lane[lane] == part;
      if (part == 0) {
        entry = mine ? lane_in_part[lane] : 0;
      } else {
        entry = mine ? lanes + lane_in_part[lane] : l;
      }
    }
  }
  return result;
}

class ChannelMapStep : public Step {
 public:
  ChannelMapStep(PermuteLanesKernel kernel, std::vector<Tensor> inputs, std::vector<MappedOutput> outputs)
      : kernel_(kernel), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {
    for (MappedOutput& output : outputs_) {
      output.first_item = items_;
      items_ += output.split.items();
    }
  }

  size_t items() const override { return items_; }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    for (const MappedOutput& output : outputs_) {
      const size_t last = output.first_item + output.split.items();
      if (last <= begin || output.first_item >= end) continue;
      const size_t from = std::max(begin, output.first_item) - output.first_item;
      const size_t to = std::min(end, last) - output.first_item;
      RunOutput(context, output, output.split.begin(from), output.split.begin(to));
    }
  }

 private:
  void RunOutput(const RunContext& context, const MappedOutput& output, int64_t begin, int64_t end) const {
    const Tensor& y = output.y;
    ForEachRow(y, begin, end, output.dense, [&](int64_t n, int64_t block, int64_t row, int64_t rows) {
      const BlockSource& from = output.blocks[static_cast<size_t>(block)];
      float* to = context.Data(y.id) + n * y.image_stride + block * y.block_stride + row * y.row_stride;
      const size_t pixels = static_cast<size_t>(rows * y.w());
      const float* sources[kMaxLanes];
      for (size_t p = 0; p < from.parts.size(); ++p) {
        const Tensor& x = inputs_[static_cast<size_t>(from.parts[p].input)];
        sources[p] =
            context.Data(x.id) + n * x.image_stride + from.parts[p].block * x.block_stride + row * x.row_stride;
      }
      if (from.copy) {
        std::memcpy(to, sources[0], pixels * static_cast<size_t>(y.lanes) * sizeof(float));
      } else {
        kernel_({sources, from.parts.size(), from.index.data(), to, pixels});
      }
    });
  }

  PermuteLanesKernel kernel_;
  std::vector<Tensor> inputs_;
  std::vector<MappedOutput> outputs_;
  size_t items_ = 0;
};

// Axis 1 of rank-4 values of which one is blocked already: worth staying blocked.
bool PrefersBlocked(const std::vector<int>& values, const std::vector<int>& outputs, const PlanBuilder& builder) {
  bool blocked = false;
  for (int v : values) {
    if (builder.shape(v).size() != 4) return false;
    blocked = blocked || builder.IsBlocked(v);
  }
  for (int v : outputs) {
    if (builder.shape(v).size() != 4) return false;
  }
  return blocked;
}

Status CheckAxis(int axis, const std::vector<int>& parts, int whole, const PlanBuilder& builder) {
  const Shape& shape = builder.shape(whole);
  const size_t at = static_cast<size_t>(axis);
  if (axis < 0 || at >= shape.size()) return Status::Invalid(builder.Where() + ": axis out of range");
  int64_t sum = 0;
  for (int v : parts) {
    Shape other = builder.shape(v);
    if (other.size() != shape.size()) return Status::Invalid(builder.Where() + ": ranks differ");
    sum += other[at];
    other[at] = shape[at];
    if (other != shape)
      return Status::Invalid(builder.Where() + ": shapes differ along another axis than the given one");
  }
  if (sum != shape[at]) return Status::Invalid(builder.Where() + ": the extents of the parts do not add up");
  return Status::Ok();
}

// For every channel of the whole, the part that holds it and the channel there.
std::vector<ChannelSource> ChannelsOfParts(const std::vector<int>& parts, const PlanBuilder& builder) {
  std::vector<ChannelSource> channels;
  for (size_t i = 0; i < parts.size(); ++i) {
    for (int64_t c = 0; c < builder.shape(parts[i])[1]; ++c) channels.push_back({static_cast<int>(i), c});
  }
  return channels;
}

}  // namespace

Status BuildChannelMap(const std::vector<int>& inputs, const std::vector<int>& outputs,
                       const std::function<ChannelSource(size_t, int64_t)>& source, PlanBuilder& builder) {
  std::vector<Tensor> from(inputs.size());
  bool dense = true;
  int64_t elements = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    LANEWISE_RETURN_IF_ERROR(builder.In(inputs[i], Layout::kBlocked, &from[i]));
    dense = dense && from[i].dense();
  }
  std::vector<MappedOutput> to(outputs.size());
  for (size_t o = 0; o < outputs.size(); ++o) {
    LANEWISE_RETURN_IF_ERROR(builder.Out(outputs[o], Layout::kBlocked, &to[o].y));
    const Tensor& y = to[o].y;
    for (int64_t block = 0; block < y.blocks(); ++block) to[o].blocks.push_back(MapBlock(o, block, y, source));
    to[o].dense = dense && y.dense();
    to[o].split = SplitRows(y);
    elements += ElementCount(y.shape);
  }
  StepInfo info;
  info.kernel = "channel map";
  info.bytes = 2 * elements * static_cast<int64_t>(sizeof(float));
  builder.Add(std::make_unique<ChannelMapStep>(builder.kernels().permute_lanes, std::move(from), std::move(to)),
              std::move(info));
  return Status::Ok();
}

Status Build(const ConcatSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckAxis(spec.axis, step.inputs, step.outputs[0], builder));
  const bool blocked = PrefersBlocked(step.inputs, step.outputs, builder);
  if (spec.axis == 1 && blocked && builder.IsSharedConcat(step)) return builder.FinishSharedConcat(step);
  if (spec.axis == 1 && blocked) {
    const std::vector<ChannelSource> channels = ChannelsOfParts(step.inputs, builder);
    return BuildChannelMap(
        step.inputs, step.outputs, [&](size_t, int64_t c) { return channels[static_cast<size_t>(c)]; }, builder);
  }
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  std::vector<Tensor> inputs(step.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[i], layout, &inputs[i]));
  Tensor y;
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], layout, &y));
  std::vector<Move> moves;
  View to = ViewOf(y);
  for (const Tensor& x : inputs) {
    const View from = ViewOf(x);
    moves.push_back({from, to.Part(spec.axis, 0, from.extents[static_cast<size_t>(spec.axis)])});
    to.offset += from.extents[static_cast<size_t>(spec.axis)] * to.strides[static_cast<size_t>(spec.axis)];
  }
  return AddMoves(moves, builder);
}

Status Build(const SplitSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  LANEWISE_RETURN_IF_ERROR(CheckAxis(spec.axis, step.outputs, step.inputs[0], builder));
  const bool blocked = PrefersBlocked({step.inputs[0]}, step.outputs, builder);
  if (spec.axis == 1 && blocked) {
    Tensor x;
    LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kBlocked, &x));
    // Parts that begin a block are already where they should be; the rest is moved.
    std::vector<int> moved;
    std::vector<int64_t> first;
    int64_t channel = 0;
    for (int v : step.outputs) {
      if (channel % builder.lanes() == 0) {
        builder.AliasChannels(v, x, channel);
      } else {
        moved.push_back(v);
        first.push_back(channel);
      }
      channel += builder.shape(v)[1];
    }
    if (moved.empty()) return Status::Ok();
    return BuildChannelMap(
        {step.inputs[0]}, moved,
        [&](size_t o, int64_t c) {
          return ChannelSource{0, first[o] + c};
        },
        builder);
  }
  const Layout layout = blocked ? Layout::kBlocked : Layout::kPlain;
  Tensor x;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], layout, &x));
  std::vector<Move> moves;
  View from = ViewOf(x);
  for (int v : step.outputs) {
    Tensor y;
    LANEWISE_RETURN_IF_ERROR(builder.Out(v, layout, &y));
    const View to = ViewOf(y);
    const int64_t extent = to.extents[static_cast<size_t>(spec.axis)];
    moves.push_back({from.Part(spec.axis, 0, extent), to});
    from.offset += extent * from.strides[static_cast<size_t>(spec.axis)];
  }
  return AddMoves(moves, builder);
}

Status Build(const ChannelShuffleSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& shape = builder.shape(step.inputs[0]);
  if (shape.size() < 2 || spec.groups < 1 || shape[1] % spec.groups != 0) {
    return Status::Invalid(builder.Where() + ": the number of channels is no multiple of the groups");
  }
  const int64_t per_group = shape[1] / spec.groups;
  if (shape.size() == 4) {
    return BuildChannelMap(
        {step.inputs[0]}, step.outputs,
        [&](size_t, int64_t c) {
          return ChannelSource{0, c % spec.groups * per_group + c / spec.groups};
        },
        builder);
  }
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kPlain, &x));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));
  // Axis 1 as [groups][per_group] in x and [per_group][groups] in y.
  View from = ViewOf(x);
  View to = ViewOf(y);
  from.SplitAxis(1, spec.groups);
  from.SwapAxes(1, 2);
  to.SplitAxis(1, per_group);
  return AddMoves({{std::move(from), std::move(to)}}, builder);
}

}  // namespace lanewise
