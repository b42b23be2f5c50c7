// The plan builder against descriptions nobody would write: any operator over any value, with shapes that fit or do
// not. A plan is either refused with a Status or it builds, runs, and touches only what is its own. The one thing taken
// for granted is what addon/plan_spec.cc has checked by then: see Promised.
#include <algorithm>
#include <limits>

#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

namespace {

constexpr int64_t kMaxElements = 1 << 16;  // of a value, and of all memory of a run: the budget
constexpr float kSpecial[] = {kNan, kInf, -kInf, 0.f, -0.f, 1e38f, -1e38f, 1e-40f};

int64_t Count(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n = d < 0 ? kMaxElements * 2 : std::min<int64_t>(n * d, kMaxElements * 2);
  return n;
}

class Drawing {
 public:
  explicit Drawing(Bytes& bytes) : bytes_(bytes), net_(bytes) {
    for (int64_t i = bytes_.Between(1, 3); i > 0; --i) net_.Input(AnyShape(), AnyPort());
    for (int64_t i = bytes_.Between(1, 6); i > 0 && !bytes_.empty(); --i) AddStep();
    for (int64_t i = bytes_.Between(1, 3); i > 0; --i) net_.Output(AnyValue(), AnyPort());
  }
  PlanSpec& spec() { return net_.spec; }
  Random& random() { return net_.random(); }

 private:
  PortLayout AnyPort() { return bytes_.OneIn(4) ? PortLayout::kNhwc : PortLayout::kNchw; }
  Shape AnyShape() {
    static constexpr int64_t kExtents[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 1, 2, 3, 0, 33};
    Shape shape(static_cast<size_t>(bytes_.OneIn(3) ? bytes_.Between(0, 6) : 4));
    for (int64_t& extent : shape) extent = kExtents[static_cast<size_t>(bytes_.Between(0, std::size(kExtents) - 1))];
    while (Count(shape) > kMaxElements) *std::max_element(shape.begin(), shape.end()) = 1;
    return shape;
  }
  // Recent values more often.
  int AnyValue() {
    const auto count = static_cast<int64_t>(net_.spec.values.size());
    return static_cast<int>(bytes_.Flag() ? count - 1 : bytes_.Between(0, count - 1));
  }
  int Constant(const Shape& shape) { return net_.Numbers(Count(shape) > kMaxElements ? Shape{1} : shape); }
  int Operand(const Shape& shape) {
    if (bytes_.OneIn(8)) return AnyValue();
    if (bytes_.OneIn(12)) return Constant(AnyShape());
    return Constant(shape);
  }
  int Like(const Shape& shape) {
    for (size_t v = net_.spec.values.size(); v-- > 0;)
      if (net_.shape(static_cast<int>(v)) == shape && bytes_.Flag()) return static_cast<int>(v);
    return Operand(shape);
  }
  Pair AnyPair(int64_t most) { return {bytes_.Between(1, most), bytes_.Between(1, most)}; }
  Pads AnyPads() {
    if (bytes_.OneIn(16))
      return {bytes_.Between(-3, 40), bytes_.Between(-3, 40), bytes_.Between(-3, 40), bytes_.Between(-3, 40)};
    return {bytes_.Between(0, 3), bytes_.Between(0, 3), bytes_.Between(0, 3), bytes_.Between(0, 3)};
  }
  EpilogueSpec AnyEpilogue(const Shape& y, size_t channel_axis) {
    EpilogueSpec e;
    const uint8_t parts = bytes_.Byte();
    const Shape channels = {channel_axis < y.size() ? y[channel_axis] : 1};
    if (parts & 1) e.bias = Operand(channels);
    if (parts & 2) e.scale = Operand(channels);
    if ((parts & 2) && !bytes_.OneIn(8)) e.shift = Operand(channels);
    if (parts & 4) e.residual = Like(y);
    if (parts & 8) e.gate = y.size() == 4 && (parts & 16) ? Like({y[0], y[1], 1, 1}) : Like(y);
    if (parts & 32) e.slope = Operand(channels);
    e.add_after_activation = (parts & 64) != 0;
    e.activation = AnyActivation(bytes_);
    if (parts & 128) e.activation.kind = Act::kPrelu;
    return e;
  }
  static int64_t Slides(int64_t x, int64_t before, int64_t after, int64_t kernel, int64_t dilation, int64_t stride) {
    return (x + before + after - dilation * (kernel - 1) - 1) / stride + 1;
  }

  // The result's shape as it should be, or not quite, or not at all.
  Shape Result(Shape shape) {
    if (bytes_.OneIn(24)) return AnyShape();
    if (bytes_.OneIn(24) && !shape.empty())
      shape[static_cast<size_t>(bytes_.Between(0, static_cast<int64_t>(shape.size()) - 1))] += bytes_.Between(-2, 2);
    for (int64_t& extent : shape) extent = std::clamp<int64_t>(extent, 0, kMaxElements);
    return Count(shape) > kMaxElements ? Shape{1, 1, 1, 1} : shape;
  }
  void Add(const char* op, std::vector<int> inputs, const Shape& y, OpSpec spec) {
    net_.Step(op, inputs, Result(y), std::move(spec));
    // Now and then a value that something else writes too.
    if (bytes_.OneIn(40)) {
      const int other = AnyValue();
      if (net_.spec.values[static_cast<size_t>(other)].data == nullptr) net_.spec.steps.back().outputs[0] = other;
    }
  }

  void AddStep() {
    const int x = AnyValue();
    const Shape s = net_.shape(x);
    const auto rank = static_cast<int64_t>(s.size());
    const int axis = rank == 0 ? 0 : static_cast<int>(bytes_.Between(0, rank - 1));
    const auto at = static_cast<size_t>(axis);
    switch (bytes_.Between(0, 21)) {
      case 0: {
        if (rank != 4) return;
        Conv2dSpec conv;
        conv.strides = AnyPair(3), conv.dilations = AnyPair(2), conv.pads = AnyPads();
        conv.groups = bytes_.OneIn(3) ? std::max<int64_t>(1, s[1]) : bytes_.OneIn(3) ? bytes_.Between(1, 4) : 1;
        const Shape w = {conv.groups * bytes_.Between(1, 6), s[1] / conv.groups, bytes_.Between(1, 3),
                         bytes_.Between(1, 3)};
        const Shape y = {s[0], w[0],
                         Slides(s[2], conv.pads.top, conv.pads.bottom, w[2], conv.dilations.h, conv.strides.h),
                         Slides(s[3], conv.pads.left, conv.pads.right, w[3], conv.dilations.w, conv.strides.w)};
        const int weights = Operand(w);
        if (net_.shape(weights).size() != 4) return;
        if (bytes_.OneIn(8)) conv.pad_value = Operand({s[1]});
        conv.epilogue = AnyEpilogue(y, 1);
        return Add("conv2d", {x, weights}, y, conv);
      }
      case 1: {
        if (rank != 4) return;
        ConvTranspose2dSpec conv;
        conv.strides = AnyPair(4), conv.dilations = AnyPair(2), conv.pads = AnyPads();
        conv.groups = bytes_.OneIn(4) ? bytes_.Between(1, 4) : 1;
        const Shape w = {s[1], bytes_.Between(1, 6), bytes_.Between(1, 4), bytes_.Between(1, 4)};
        const Shape y = {
            s[0], w[1] * conv.groups,
            (s[2] - 1) * conv.strides.h + conv.dilations.h * (w[2] - 1) + 1 - conv.pads.top - conv.pads.bottom,
            (s[3] - 1) * conv.strides.w + conv.dilations.w * (w[3] - 1) + 1 - conv.pads.left - conv.pads.right};
        const int weights = Operand(w);
        if (net_.shape(weights).size() != 4) return;
        conv.epilogue = AnyEpilogue(y, 1);
        return Add("convTranspose2d", {x, weights}, y, conv);
      }
      case 2: {
        MatmulSpec spec;
        spec.transpose_b = bytes_.Flag();
        const int64_t k = rank > 0 ? s.back() : 1, n = bytes_.Between(1, 20);
        Shape b = spec.transpose_b ? Shape{n, k} : Shape{k, n};
        if (rank > 2 && bytes_.Flag()) b.insert(b.begin(), s.begin(), s.end() - 2);
        Shape y = s;
        if (rank > 0) y.back() = n;
        const int right = Operand(b);
        spec.epilogue = AnyEpilogue(y, y.empty() ? 0 : y.size() - 1);
        return Add("matmul", {x, right}, y, spec);
      }
      case 3: {
        if (rank != 4) return;
        Pool2dSpec pool;
        pool.kind = bytes_.Flag() ? PoolKind::kAvg : PoolKind::kMax;
        pool.kernel = AnyPair(4), pool.strides = AnyPair(3), pool.dilations = AnyPair(2), pool.pads = AnyPads();
        pool.count_include_pad = bytes_.Flag();
        return Add(
            "pool2d", {x},
            {s[0], s[1], Slides(s[2], pool.pads.top, pool.pads.bottom, pool.kernel.h, pool.dilations.h, pool.strides.h),
             Slides(s[3], pool.pads.left, pool.pads.right, pool.kernel.w, pool.dilations.w, pool.strides.w)},
            pool);
      }
      case 4:
        if (rank != 4) return;
        return Add("globalPool", {x}, {s[0], s[1], 1, 1},
                   GlobalPoolSpec{bytes_.Flag() ? PoolKind::kAvg : PoolKind::kMax});
      case 5: {
        if (rank != 4) return;
        Resize2dSpec resize;
        resize.mode = static_cast<ResizeMode>(bytes_.Between(0, 1));
        resize.coordinates = static_cast<Coordinates>(bytes_.Between(0, 4));
        resize.rounding = static_cast<Rounding>(bytes_.Between(0, 3));
        static constexpr double kScales[] = {1,      2,     0.5,   3.7,
                                             1e-300, 1e300, 0.999, std::numeric_limits<double>::infinity()};
        resize.scale_h = kScales[static_cast<size_t>(bytes_.Between(0, 7))];
        resize.scale_w = kScales[static_cast<size_t>(bytes_.Between(0, 7))];
        return Add("resize2d", {x}, {s[0], s[1], bytes_.Between(0, 18), bytes_.Between(0, 18)}, resize);
      }
      case 6:
        if (rank == 0) return;
        return Add("softmax", {x}, s, SoftmaxSpec{axis, bytes_.Flag()});
      case 7: {
        if (rank == 0) return;
        NormalizeSpec norm;
        norm.kind = bytes_.Flag() ? NormalizeKind::kLayer : NormalizeKind::kGroup;
        norm.axis = axis;
        norm.groups = bytes_.Between(1, 4);
        norm.activation = AnyActivation(bytes_);
        const Shape affine =
            norm.kind == NormalizeKind::kGroup ? Shape{rank > 1 ? s[1] : 1} : Shape(s.begin() + axis, s.end());
        std::vector<int> inputs = {x};
        for (int64_t i = bytes_.Between(0, 2); i > 0; --i) inputs.push_back(Operand(affine));
        return Add("normalize", inputs, s, norm);
      }
      case 8: {
        const auto fn = static_cast<Unary>(bytes_.Between(0, static_cast<int64_t>(Unary::kCount) - 1));
        return Add("unary", {x}, s, UnarySpec{fn, -0.5f, 0.5f});
      }
      case 9: {
        const auto fn = static_cast<Binary>(bytes_.Between(0, static_cast<int64_t>(Binary::kCount) - 1));
        Shape small = s;
        for (int64_t& extent : small)
          if (bytes_.OneIn(4)) extent = 1;
        return Add("binary", {x, Like(small)}, s, BinarySpec{fn, AnyActivation(bytes_)});
      }
      case 10: {
        const Shape channels = {rank > 1 ? s[1] : 1};
        std::vector<int> inputs = {x, Operand(channels)};
        if (bytes_.Flag()) inputs.push_back(Operand(channels));
        return Add("scale", inputs, s, ScaleSpec{AnyActivation(bytes_)});
      }
      case 11: {
        if (rank != 4) return;
        const int64_t hidden = bytes_.Between(1, 9);
        const int w1 = Operand({hidden, s[1]}), b1 = Operand({hidden}), w2 = Operand({s[1], hidden}),
                  b2 = Operand({s[1]});
        return Add("squeezeExcite", {x, w1, b1, w2, b2}, s,
                   SqueezeExciteSpec{AnyActivation(bytes_), AnyActivation(bytes_), bytes_.Flag()});
      }
      case 12: {
        if (rank == 0) return;
        Shape y = s;
        std::vector<int> inputs = {x};
        for (int64_t i = bytes_.Between(0, 3); i > 0; --i) {
          const int other = Like(s);
          inputs.push_back(other);
          if (net_.shape(other).size() == s.size()) y[at] += net_.shape(other)[at];
        }
        return Add("concat", inputs, y, ConcatSpec{axis});
      }
      case 13: {
        if (rank == 0) return;
        std::vector<int> parts;
        int64_t left = s[at];
        for (int64_t i = bytes_.Between(1, 4); i > 0; --i) {
          Shape part = s;
          part[at] = i == 1 ? left : bytes_.Between(0, left);
          left -= part[at];
          parts.push_back(net_.Value("part", Result(part)));
        }
        net_.spec.steps.push_back({"split", "split", {x}, parts, SplitSpec{axis}});
        return;
      }
      case 14:
        if (rank != 4) return;
        return Add("channelShuffle", {x}, s, ChannelShuffleSpec{bytes_.Between(1, 4)});
      case 15: {
        TransposeSpec transpose;
        for (int64_t i = 0; i < rank; ++i) transpose.permutation.push_back(static_cast<int>(i));
        for (int64_t i = rank - 1; i > 0; --i)
          std::swap(transpose.permutation[static_cast<size_t>(i)],
                    transpose.permutation[static_cast<size_t>(bytes_.Between(0, i))]);
        Shape y;
        for (int a : transpose.permutation) y.push_back(s[static_cast<size_t>(a)]);
        return Add("transpose", {x}, y, transpose);
      }
      case 16: {
        SliceSpec slice;
        Shape y;
        for (int64_t extent : s) {
          slice.starts.push_back(bytes_.Between(0, std::max<int64_t>(0, extent - 1)));
          slice.steps.push_back(bytes_.OneIn(3) ? bytes_.Between(-3, 3) : 1);
          y.push_back(slice.steps.back() == 1 ? extent - slice.starts.back() : bytes_.Between(0, 3));
        }
        return Add("slice", {x}, y, slice);
      }
      case 17: {
        PadSpec pad;
        pad.mode = static_cast<PadMode>(bytes_.Between(0, 3));
        Shape y = s;
        for (int64_t& extent : y) {
          pad.begins.push_back(bytes_.Flag() ? bytes_.Between(-3, 5) : 0);
          extent += pad.begins.back() + (bytes_.Flag() ? bytes_.Between(-3, 5) : 0);
        }
        return Add("pad", {x}, y, pad);
      }
      case 18: {
        ReduceSpec reduce;
        reduce.fn = static_cast<Reduce>(bytes_.Between(0, 9));
        Shape y = s;
        for (int64_t a = 0; a < rank; ++a) {
          if (!bytes_.Flag()) continue;
          reduce.axes.push_back(static_cast<int>(a));
          y[static_cast<size_t>(a)] = 1;
        }
        if (bytes_.OneIn(3)) y.erase(std::remove(y.begin(), y.end(), 1), y.end());
        return Add("reduce", {x}, y, reduce);
      }
      case 19: {
        Shape y = {Count(s)};
        if (s.size() > 1 && bytes_.Flag()) y = {s[0], s[0] == 0 ? 0 : Count(s) / s[0]};
        if (bytes_.Flag()) y.insert(y.begin(), static_cast<size_t>(bytes_.Between(0, 3)), 1);
        return Add("reshape", {x}, y, ReshapeSpec{});
      }
      case 20: {
        Shape y = s;
        for (int64_t& extent : y)
          if (extent == 1 && bytes_.Flag()) extent = bytes_.Between(0, 9);
        y.insert(y.begin(), static_cast<size_t>(bytes_.OneIn(3) ? bytes_.Between(0, 2) : 0), bytes_.Between(1, 3));
        return Add("expand", {x}, y, ExpandSpec{});
      }
      default: {
        if (rank == 0 || s[at] == 0) return;
        GatherSpec gather;
        gather.axis = axis;
        Shape y = s;
        y[at] = bytes_.Between(0, 9);
        for (int64_t i = 0; i < y[at]; ++i) gather.indices.push_back(bytes_.Between(0, s[at] - 1));
        return Add("gather", {x}, y, gather);
      }
    }
  }

  Bytes& bytes_;
  FuzzNet net_;
};

// What the addon's reader has made sure of before the core sees a description: indices, axes, ranks and counts (the
// drawing keeps to those), windows and slices that lie inside, equal element counts of a reshape.
bool Promised(const PlanSpec& spec) {
  const auto shape = [&](int v) -> const Shape& { return spec.values[static_cast<size_t>(v)].shape; };
  for (const StepSpec& step : spec.steps) {
    const Shape& x = shape(step.inputs[0]);
    const Shape& y = shape(step.outputs[0]);
    if (const auto* c = std::get_if<Conv2dSpec>(&step.spec)) {
      const Shape& w = shape(step.inputs[1]);
      if (y.size() != 4 || c->pads.top < 0 || c->pads.left < 0 || c->pads.bottom < 0 || c->pads.right < 0) return false;
      if (y[2] > 0 && (y[2] - 1) * c->strides.h + c->dilations.h * (w[2] - 1) + 1 > x[2] + c->pads.top + c->pads.bottom)
        return false;
      if (y[3] > 0 && (y[3] - 1) * c->strides.w + c->dilations.w * (w[3] - 1) + 1 > x[3] + c->pads.left + c->pads.right)
        return false;
    }
    const bool planes =
        std::holds_alternative<ConvTranspose2dSpec>(step.spec) || std::holds_alternative<Pool2dSpec>(step.spec) ||
        std::holds_alternative<GlobalPoolSpec>(step.spec) || std::holds_alternative<Resize2dSpec>(step.spec) ||
        std::holds_alternative<SqueezeExciteSpec>(step.spec) || std::holds_alternative<ChannelShuffleSpec>(step.spec);
    if (planes && y.size() != 4) return false;
    if (std::holds_alternative<ReshapeSpec>(step.spec) && ElementCount(x) != ElementCount(y)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<const KernelTable*> tables = Tables();
  Bytes bytes(data, size);
  const KernelTable& table = *tables[static_cast<size_t>(bytes.Byte()) % tables.size()];
  const PlanOptions options = {static_cast<int>(bytes.Between(1, 3)), bytes.Flag()};
  const bool special = bytes.OneIn(4);
  Drawing drawing(bytes);
  const PlanSpec& spec = drawing.spec();
  if (!Promised(spec)) return 0;

  PackCache packs;
  std::unique_ptr<Plan> plan;
  const Status status = Plan::Create(spec, table, packs, &plan, options);
  if (!status.ok()) {
    if (status.message.empty()) Die("a refusal without a reason");
    return 0;
  }
  if (plan->arena_bytes() > (size_t{64} << 20)) return 0;
  Tensors inputs = InputsOf(spec, drawing.random(), 4);
  if (special)
    for (auto& input : inputs)
      for (float& value : input)
        if (drawing.random().Below(4) == 0) value = kSpecial[drawing.random().Below(std::size(kSpecial))];
  Tensors outputs;
  std::vector<const float*> in;
  std::vector<float*> out;
  for (const auto& input : inputs) in.push_back(input.data());
  for (const PortInfo& port : plan->outputs()) outputs.emplace_back(static_cast<size_t>(port.elements()), kNan);
  for (auto& output : outputs) out.push_back(output.data());
  RunOptions run;
  run.inputs = in.data();
  run.outputs = out.data();
  const Status ran = plan->Run(run);
  if (!ran.ok()) Die("a plan that was built does not run: " + ran.message);
  return 0;
}
