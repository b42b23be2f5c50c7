#include "core/sharing.h"

#include <algorithm>

namespace lanewise {
namespace {

class ShareFinder {
 public:
  ShareFinder(const PlanSpec& spec, int lanes) : spec_(spec), lanes_(lanes), shares_(spec.values.size()) {
    producers_.assign(spec.values.size(), nullptr);
    for (const StepSpec& step : spec.steps) {
      for (int v : step.outputs) producers_[static_cast<size_t>(v)] = &step;
    }
  }

  std::vector<ChannelShare> Find() {
    // Backwards: the longest list of a dense block and the outer of nested concatenations come first.
    for (auto step = spec_.steps.rbegin(); step != spec_.steps.rend(); ++step) {
      const auto* concat = std::get_if<ConcatSpec>(&step->spec);
      const bool floats = spec_.values[static_cast<size_t>(step->outputs[0])].type == Element::kFloat32;
      if (concat != nullptr && concat->axis == 1 && floats && FitTogether(*step)) Claim(*step);
    }
    return std::move(shares_);
  }

 private:
  const Shape& ShapeOf(int v) const { return spec_.values[static_cast<size_t>(v)].shape; }

  // Whether the parts are images that make up the whole. Those that do not are refused when their turn comes.
  bool FitTogether(const StepSpec& step) const {
    Shape sum = ShapeOf(step.outputs[0]);
    if (sum.size() != 4) return false;
    int64_t channels = sum[1];
    for (int v : step.inputs) {
      const Shape& part = ShapeOf(v);
      if (part.size() != 4) return false;
      channels -= part[1];
      sum[1] = part[1];
      if (part != sum) return false;
    }
    return channels == 0;
  }

  // Reshapes and the like give a value memory that is not theirs to choose; they always make plain tensors.
  bool Placeable(int v) const {
    const StepSpec* producer = producers_[static_cast<size_t>(v)];
    return producer != nullptr && !std::holds_alternative<ReshapeSpec>(producer->spec) &&
           !std::holds_alternative<SplitSpec>(producer->spec);
  }

  void Claim(const StepSpec& step) {
    const int result = step.outputs[0];
    ChannelShare whole = shares_[static_cast<size_t>(result)];
    const std::vector<int>& parts = step.inputs;
    const auto channels = [&](int v) { return ShapeOf(v)[1]; };
    int64_t offset = 0;
    bool aligned = true, all_free = true, in_place_already = true;
    const ChannelShare first = shares_[static_cast<size_t>(parts[0])];
    for (size_t i = 0; i < parts.size(); ++i) {
      const ChannelShare& share = shares_[static_cast<size_t>(parts[i])];
      aligned = aligned && offset % lanes_ == 0 && Placeable(parts[i]) &&
                std::find(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(i), parts[i]) ==
                    parts.begin() + static_cast<ptrdiff_t>(i);
      all_free = all_free && share.root == kNone;
      in_place_already = in_place_already && share.root != kNone && share.root == first.root &&
                         share.channel == first.channel + offset;
      offset += channels(parts[i]);
    }
    if (!aligned) return;
    if (in_place_already && whole.root == kNone) {
      shares_[static_cast<size_t>(result)] = first;  // a prefix of a longer list
      return;
    }
    if (!all_free) return;
    if (whole.root == kNone) {
      whole = {result, 0};
      shares_[static_cast<size_t>(result)] = whole;
    } else if (whole.channel % lanes_ != 0) {
      return;
    }
    offset = 0;
    for (int v : parts) {
      shares_[static_cast<size_t>(v)] = {whole.root, whole.channel + offset};
      offset += channels(v);
    }
  }

  const PlanSpec& spec_;
  const int lanes_;
  std::vector<ChannelShare> shares_;
  std::vector<const StepSpec*> producers_;
};

}  // namespace

std::vector<ChannelShare> FindChannelShares(const PlanSpec& spec, int lanes) { return ShareFinder(spec, lanes).Find(); }

}  // namespace lanewise
