#include "core/channel_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/row_split.h"

namespace lanewise {
namespace {

// Where one block of the target comes from.
struct BlockSource {
  struct Part {
    size_t source;
    int64_t block;
  };
  std::vector<Part> parts;
  std::vector<int32_t> index;  // [parts][lanes], for the kernel
  bool copy = false;           // every live lane is the same lane of one source block
};

BlockSource MapBlock(const std::vector<TensorChannel>& channels, int64_t block, const Tensor& target) {
  const int lanes = target.lanes;
  BlockSource result;
  std::vector<size_t> part_of_lane;
  std::vector<int32_t> lane_in_part;
  bool same_lane = true;
  for (int64_t l = 0; l < target.lanes_of(block); ++l) {
    const TensorChannel from = channels[static_cast<size_t>(block * lanes + l)];
    const int64_t from_block = from.channel / lanes;
    size_t part = 0;
    while (part < result.parts.size() &&
           (result.parts[part].source != from.source || result.parts[part].block != from_block)) {
      ++part;
    }
    if (part == result.parts.size()) result.parts.push_back({from.source, from_block});
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
  ChannelMapStep(PermuteLanesKernel kernel, std::vector<Tensor> sources, const std::vector<TensorChannel>& channels,
                 const Tensor& target)
      : kernel_(kernel), sources_(std::move(sources)), y_(target), split_(SplitRows(target)) {
    for (int64_t block = 0; block < y_.blocks(); ++block) blocks_.push_back(MapBlock(channels, block, y_));
    dense_ = y_.dense() && std::all_of(sources_.begin(), sources_.end(), [](const Tensor& x) { return x.dense(); });
  }

  size_t items() const override { return split_.items(); }

  void Run(const RunContext& context, size_t begin, size_t end) const override {
    ForEachRow(y_, split_.begin(begin), split_.begin(end), dense_,
               [&](int64_t n, int64_t block, int64_t row, int64_t rows) {
                 const BlockSource& from = blocks_[static_cast<size_t>(block)];
                 float* to = context.Data(y_.id) + n * y_.image_stride + block * y_.block_stride + row * y_.row_stride;
                 const size_t pixels = static_cast<size_t>(rows * y_.w());
                 const auto address = [&](const BlockSource::Part& part) -> const float* {
                   const Tensor& x = sources_[part.source];
                   return context.Data(x.id) + n * x.image_stride + part.block * x.block_stride + row * x.row_stride;
                 };
                 if (from.copy) {
                   std::memcpy(to, address(from.parts[0]), pixels * static_cast<size_t>(y_.lanes) * sizeof(float));
                   return;
                 }
                 const float* sources[kMaxLanes];
                 for (size_t p = 0; p < from.parts.size(); ++p) sources[p] = address(from.parts[p]);
                 kernel_({sources, from.parts.size(), from.index.data(), to, pixels});
               });
  }

 private:
  PermuteLanesKernel kernel_;
  std::vector<Tensor> sources_;
  Tensor y_;
  RowSplit split_;
  std::vector<BlockSource> blocks_;
  bool dense_ = false;  // target and sources: rows of a plane follow each other
};

}  // namespace

std::unique_ptr<Step> MakeChannelMap(const std::vector<Tensor>& sources, const std::vector<TensorChannel>& channels,
                                     const Tensor& target, const KernelTable& kernels) {
  return std::make_unique<ChannelMapStep>(kernels.permute_lanes, sources, channels, target);
}

}  // namespace lanewise
