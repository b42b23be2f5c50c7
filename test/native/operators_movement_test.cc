// Operators that move elements: transpose, slice, expand, reshape, pad, gather, concat, split, channel shuffle.
#include <algorithm>
#include <utility>
#include <vector>

#include "operators.h"

namespace lanewise::test {
namespace {

constexpr int kRounds = 60;

// Mostly rank 4, where layouts differ.
Shape AnyShape(Random& random) { return RandomShape(random, random.Below(4) == 0 ? 1 + random.Below(5) : 4); }

TEST(TransposeOperator) {
  Random random(1);
  for (int round = 0; round < kRounds; ++round) {
    const Shape x = AnyShape(random);
    std::vector<int> permutation;
    for (size_t i = 0; i < x.size(); ++i) permutation.push_back(static_cast<int>(i));
    for (size_t i = x.size(); i-- > 1;) std::swap(permutation[i], permutation[random.Below(i + 1)]);
    Shape y;
    for (int axis : permutation) y.push_back(x[static_cast<size_t>(axis)]);
    const auto element = [&](const Values& values, const Position& at) {
      Position from(x.size());
      for (size_t i = 0; i < x.size(); ++i) from[static_cast<size_t>(permutation[i])] = at[i];
      return values[IndexOf(x, from)];
    };
    CheckOperator({"transpose",
                   {x},
                   {y},
                   TransposeSpec{permutation},
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
}

TEST(SliceOperator) {
  Random random(2);
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Shape x = AnyShape(random);
    const bool channels_only = random.Below(3) == 0;
    SliceSpec spec;
    Shape y;
    for (size_t i = 0; i < x.size(); ++i) {
      int64_t start = 0, step = 1, extent = x[i];
      if (x[i] > 0 && random.Below(3) > 0 && (!channels_only || i == 1)) {
        start = Between(random, 0, x[i] - 1);
        constexpr int64_t kSteps[] = {1, 1, -1, 2, -2, 3};
        step = kSteps[random.Below(6)];
        const int64_t most = step > 0 ? (x[i] - 1 - start) / step + 1 : start / -step + 1;
        extent = random.Below(20) == 0 ? 0 : Between(random, 1, most);
      }
      spec.starts.push_back(start);
      spec.steps.push_back(step);
      y.push_back(extent);
    }
    const auto element = [&](const Values& values, Position at) {
      for (size_t i = 0; i < x.size(); ++i) at[i] = spec.starts[i] + at[i] * spec.steps[i];
      return values[IndexOf(x, at)];
    };
    CheckOperator({"slice",
                   {x},
                   {y},
                   spec,
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
}

TEST(ExpandAndReshapeOperators) {
  Random random(3);
  for (int round = 0; round < kRounds; ++round) {
    const Shape y = AnyShape(random);
    Shape x = y;
    for (int64_t& extent : x) extent = random.Below(3) == 0 ? 1 : extent;
    if (random.Below(3) == 0) x.erase(x.begin(), x.begin() + static_cast<ptrdiff_t>(random.Below(x.size())));
    const size_t added = y.size() - x.size();
    const auto element = [&](const Values& values, const Position& at) {
      Position from;
      for (size_t i = 0; i < x.size(); ++i) from.push_back(x[i] == 1 ? 0 : at[added + i]);
      return values[IndexOf(x, from)];
    };
    CheckOperator({"expand",
                   {x},
                   {y},
                   ExpandSpec{},
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
    const Shape flat = random.Below(2) == 0 ? Shape{ElementCount(y)} : Shape{1, ElementCount(y), 1, 1};
    CheckOperator({"reshape", {y}, {flat}, ReshapeSpec{}, [](const std::vector<Values>& in) { return in; }},
                  random.Next());
  }
}

// Where a padded position comes from, by walking; -1 for the constant. [low, high) is what negative padding leaves.
int64_t PaddedFrom(PadMode mode, int64_t p, int64_t low, int64_t high) {
  if (mode == PadMode::kConstant) return p < low || p >= high ? -1 : p;
  if (mode == PadMode::kEdge) return std::min(std::max(p, low), high - 1);
  if (high - low == 1) return low;
  while (p < low || p >= high) {
    if (mode == PadMode::kWrap) {
      p += p < low ? high - low : low - high;
    } else {
      p = p < low ? 2 * low - p : 2 * (high - 1) - p;
    }
  }
  return p;
}

TEST(PadOperator) {
  Random random(4);
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Shape x = AnyShape(random);
    PadSpec spec;
    spec.mode = static_cast<PadMode>(random.Below(4));
    spec.value = 7;
    Shape y, low, high;
    for (int64_t extent : x) {
      int64_t begin = 0, end = 0;
      if (extent > 2 && random.Below(2) == 0) {
        begin = Between(random, -1, extent + 1);
        end = Between(random, -1, 3);
      }
      spec.begins.push_back(begin);
      y.push_back(extent + begin + end);
      low.push_back(std::max<int64_t>(0, -begin));
      high.push_back(extent + std::min<int64_t>(0, end));
    }
    const auto element = [&](const Values& values, Position at) {
      for (size_t i = 0; i < x.size(); ++i) {
        at[i] = PaddedFrom(spec.mode, at[i] - spec.begins[i], low[i], high[i]);
        if (at[i] < 0) return spec.value;
      }
      return values[IndexOf(x, at)];
    };
    CheckOperator({"pad",
                   {x},
                   {y},
                   spec,
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
}

TEST(GatherOperator) {
  Random random(5);
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Shape x = AnyShape(random);
    const size_t axis = random.Below(x.size());
    if (x[axis] == 0) continue;
    GatherSpec spec;
    spec.axis = static_cast<int>(axis);
    const size_t count = random.Below(20);
    for (size_t i = 0; i < count; ++i) spec.indices.push_back(Between(random, -x[axis], x[axis] - 1));
    Shape gathered = x;
    gathered[axis] = static_cast<int64_t>(count);
    Shape y = gathered;  // the shape of the indices in place of the axis
    if (count == 1 && y.size() > 1) y.erase(y.begin() + spec.axis);
    if (count == 6) {
      y[axis] = 3;
      y.insert(y.begin() + spec.axis, 2);
    }
    const auto element = [&](const Values& values, Position at) {
      const int64_t index = spec.indices[static_cast<size_t>(at[axis])];
      at[axis] = index < 0 ? index + x[axis] : index;
      return values[IndexOf(x, at)];
    };
    CheckOperator(
        {"gather",
         {x},
         {y},
         spec,
         [&](const std::vector<Values>& in) {
           return std::vector<Values>{Tabulate(gathered, [&](const Position& at) { return element(in[0], at); })};
         }},
        random.Next());
  }
}

TEST(ConcatAndSplitOperators) {
  Random random(6);
  for (int round = 0; round < kRounds; ++round) {
    Shape whole = AnyShape(random);
    const size_t axis = whole.size() > 1 && random.Below(2) == 0 ? 1 : random.Below(whole.size());
    std::vector<Shape> parts(1 + random.Below(4), whole);
    std::vector<int64_t> first;
    whole[axis] = 0;
    for (Shape& part : parts) {
      part[axis] = random.Below(10) == 0 ? 0 : Between(random, 1, axis == 1 ? 40 : 5);
      first.push_back(whole[axis]);
      whole[axis] += part[axis];
    }
    const auto concatenated = [&](const std::vector<Values>& in, Position at) {
      size_t part = parts.size() - 1;
      while (at[axis] < first[part] || parts[part][axis] == 0) --part;
      at[axis] -= first[part];
      return in[part][IndexOf(parts[part], at)];
    };
    const auto split = [&](const Values& values, size_t part, Position at) {
      at[axis] += first[part];
      return values[IndexOf(whole, at)];
    };
    CheckOperator(
        {"concat",
         parts,
         {whole},
         ConcatSpec{static_cast<int>(axis)},
         [&](const std::vector<Values>& in) {
           return std::vector<Values>{Tabulate(whole, [&](const Position& at) { return concatenated(in, at); })};
         }},
        random.Next());
    CheckOperator({"split",
                   {whole},
                   parts,
                   SplitSpec{static_cast<int>(axis)},
                   [&](const std::vector<Values>& in) {
                     std::vector<Values> out;
                     for (size_t p = 0; p < parts.size(); ++p) {
                       out.push_back(Tabulate(parts[p], [&](const Position& at) { return split(in[0], p, at); }));
                     }
                     return out;
                   }},
                  random.Next());
  }
}

TEST(ChannelShuffleOperator) {
  Random random(7);
  for (int round = 0; round < kRounds; ++round) {
    Shape x = RandomShape(random, 2 + random.Below(3));
    const int64_t groups = Between(random, 1, 8), per_group = Between(random, 1, 9);
    x[1] = groups * per_group;
    const auto element = [&](const Values& values, Position at) {
      at[1] = at[1] % groups * per_group + at[1] / groups;
      return values[IndexOf(x, at)];
    };
    CheckOperator({"channelShuffle",
                   {x},
                   {x},
                   ChannelShuffleSpec{groups},
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(x, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
}

}  // namespace
}  // namespace lanewise::test
