// Operators that move or look at pixels: pooling, resizing, transposition, slicing, padding, concatenation, splitting,
// shuffling, gathering. Apart from resizing and averages they copy, so every ISA has the same bits.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

namespace {

int AddStep(Bytes& bytes, FuzzNet& net) {
  const Shape s = {bytes.Between(1, 2), bytes.Between(1, 35), bytes.Between(1, 9), bytes.Between(1, 9)};
  int x = net.Input(s, bytes.OneIn(3) ? PortLayout::kNhwc : PortLayout::kNchw);
  if (bytes.Flag()) {  // blocked
    Conv2dSpec conv;
    conv.groups = s[1];
    x = net.Step("conv2d", {x, net.Numbers({s[1], 1, 1, 1})}, s, conv);
  }
  switch (bytes.Between(0, 10)) {
    case 0: {
      Pool2dSpec pool;
      pool.kind = bytes.Flag() ? PoolKind::kAvg : PoolKind::kMax;
      pool.kernel = {bytes.Between(1, 4), bytes.Between(1, 4)};
      pool.strides = {bytes.Between(1, 3), bytes.Between(1, 3)};
      pool.dilations = {bytes.Between(1, 2), bytes.Between(1, 2)};
      pool.pads = {bytes.Between(0, pool.kernel.h - 1), bytes.Between(0, pool.kernel.w - 1),
                   bytes.Between(0, pool.kernel.h - 1), bytes.Between(0, pool.kernel.w - 1)};
      pool.count_include_pad = bytes.Flag();
      const int64_t h = s[2] + pool.pads.top + pool.pads.bottom - pool.dilations.h * (pool.kernel.h - 1) - 1;
      const int64_t w = s[3] + pool.pads.left + pool.pads.right - pool.dilations.w * (pool.kernel.w - 1) - 1;
      if (h < 0 || w < 0) return kNone;
      return net.Step("pool2d", {x}, {s[0], s[1], h / pool.strides.h + 1, w / pool.strides.w + 1}, pool);
    }
    case 1:
      return net.Step("globalPool", {x}, {s[0], s[1], 1, 1},
                      GlobalPoolSpec{bytes.Flag() ? PoolKind::kAvg : PoolKind::kMax});
    case 2: {
      Resize2dSpec resize;
      resize.mode = static_cast<ResizeMode>(bytes.Between(0, 1));
      resize.coordinates = static_cast<Coordinates>(bytes.Between(0, 4));
      resize.rounding = static_cast<Rounding>(bytes.Between(0, 3));
      const Shape y = {s[0], s[1], bytes.Between(1, 18), bytes.Between(1, 18)};
      resize.scale_h = static_cast<double>(y[2]) / static_cast<double>(s[2]);
      resize.scale_w = static_cast<double>(y[3]) / static_cast<double>(s[3]);
      return net.Step("resize2d", {x}, y, resize);
    }
    case 3: {
      TransposeSpec transpose{{0, 1, 2, 3}};
      for (size_t i = 3; i > 0; --i)
        std::swap(transpose.permutation[i],
                  transpose.permutation[static_cast<size_t>(bytes.Between(0, static_cast<int64_t>(i)))]);
      Shape y;
      for (int axis : transpose.permutation) y.push_back(s[static_cast<size_t>(axis)]);
      return net.Step("transpose", {x}, y, transpose);
    }
    case 4: {
      SliceSpec slice;
      Shape y;
      for (int64_t extent : s) {
        const int64_t count = bytes.Between(1, extent), step = (extent - 1) / std::max<int64_t>(1, count - 1);
        const int64_t stride = bytes.Between(1, std::max<int64_t>(1, step));
        const int64_t slack = extent - 1 - (count - 1) * stride;
        const int64_t start = bytes.Between(0, slack);
        const bool back = bytes.OneIn(4);
        slice.starts.push_back(back ? start + (count - 1) * stride : start);
        slice.steps.push_back(back ? -stride : stride);
        y.push_back(count);
      }
      return net.Step("slice", {x}, y, slice);
    }
    case 5: {
      PadSpec pad;
      pad.mode = static_cast<PadMode>(bytes.Between(0, 3));
      pad.value = 0.25f;
      Shape y = s;
      for (size_t axis = 0; axis < 4; ++axis) {
        const bool touched = bytes.Flag();
        pad.begins.push_back(touched ? bytes.Between(-2, 4) : 0);
        y[axis] += pad.begins.back() + (touched ? bytes.Between(-2, 4) : 0);
        if (y[axis] < 1) return kNone;
      }
      return net.Step("pad", {x}, y, pad);
    }
    case 6: {
      const auto axis = static_cast<size_t>(bytes.Between(0, 3));
      Shape other = s, y = s;
      other[axis] = bytes.Between(1, 20);
      y[axis] = 2 * s[axis] + other[axis];
      const int part = net.Input(other);
      return net.Step("concat", {x, part, x}, y, ConcatSpec{static_cast<int>(axis)});
    }
    case 7: {
      const auto axis = static_cast<size_t>(bytes.Between(0, 3));
      std::vector<int> parts;
      for (int64_t left = s[axis]; left > 0;) {
        Shape part = s;
        part[axis] = parts.size() == 3 ? left : bytes.Between(1, left);
        left -= part[axis];
        parts.push_back(net.Value("part", part));
      }
      net.spec.steps.push_back({"split", "split", {x}, parts, SplitSpec{static_cast<int>(axis)}});
      for (size_t i = 1; i < parts.size(); ++i) net.Output(parts[i]);
      return parts[0];
    }
    case 8: {
      std::vector<int64_t> divisors;
      for (int64_t d = 1; d <= s[1]; ++d)
        if (s[1] % d == 0) divisors.push_back(d);
      const int64_t groups = divisors[static_cast<size_t>(bytes.Between(0, static_cast<int64_t>(divisors.size()) - 1))];
      return net.Step("channelShuffle", {x}, s, ChannelShuffleSpec{groups});
    }
    case 9: {
      GatherSpec gather;
      gather.axis = static_cast<int>(bytes.Between(0, 3));
      const auto axis = static_cast<size_t>(gather.axis);
      Shape y = s;
      y[axis] = bytes.Between(1, 12);
      for (int64_t i = 0; i < y[axis]; ++i) gather.indices.push_back(bytes.Between(0, s[axis] - 1));
      return net.Step("gather", {x}, y, gather);
    }
    default: {
      Shape small = s;
      for (int64_t& extent : small)
        if (bytes.Flag()) extent = 1;
      return net.Step("expand", {net.Input(small)}, s, ExpandSpec{});
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const int y = AddStep(bytes, net);
  if (y == kNone) return 0;
  net.Output(y, net.shape(y).size() == 4 && bytes.OneIn(3) ? PortLayout::kNhwc : PortLayout::kNchw);
  CheckEverywhere(net, {1, true}, {/*bits=*/true, 1e-4}, bytes.OneIn(4));
  return 0;
}
