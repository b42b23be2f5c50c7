// Operators that work on rows: elementwise functions with broadcasting, scaling, reductions, normalisation, softmax.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

namespace {

Shape AnyShape(Bytes& bytes) {
  Shape shape(static_cast<size_t>(bytes.Between(1, 4)));
  for (int64_t& extent : shape) extent = bytes.Between(1, shape.size() > 2 ? 7 : 40);
  if (shape.size() == 4) shape[1] = bytes.Between(1, 35);
  return shape;
}

// The operand in the layout of the bytes' choice: as it came, or computed by a channel-blocked step.
int Operand(Bytes& bytes, FuzzNet& net, const Shape& shape) {
  const bool nhwc = shape.size() == 4 && bytes.OneIn(4);
  int x = net.Input(shape, nhwc ? PortLayout::kNhwc : PortLayout::kNchw);
  if (shape.size() == 4 && bytes.Flag()) {
    Conv2dSpec conv;
    conv.groups = shape[1];
    x = net.Step("conv2d", {x, net.Numbers({shape[1], 1, 1, 1})}, shape, conv);
  }
  return x;
}

Shape Repeated(Bytes& bytes, Shape shape) {
  for (int64_t& extent : shape)
    if (bytes.OneIn(3)) extent = 1;
  shape.erase(shape.begin(), shape.begin() + bytes.Between(0, bytes.OneIn(3) ? static_cast<int64_t>(shape.size()) : 0));
  return shape;
}

// Functions that do not blow rounding up on (-1, 1) squared.
constexpr Binary kBinaries[] = {Binary::kAdd, Binary::kSub, Binary::kMul,  Binary::kDiv,
                                Binary::kMin, Binary::kMax, Binary::kPrelu};
constexpr Reduce kReductions[] = {Reduce::kSum, Reduce::kMean, Reduce::kMax,       Reduce::kMin,      Reduce::kProd,
                                  Reduce::kL1,  Reduce::kL2,   Reduce::kSumSquare, Reduce::kLogSumExp};

int AddStep(Bytes& bytes, FuzzNet& net) {
  Shape shape = AnyShape(bytes);
  const auto last = static_cast<int64_t>(shape.size()) - 1;
  switch (bytes.Between(0, 6)) {
    case 0: {
      const auto fn = static_cast<Unary>(bytes.Between(0, static_cast<int64_t>(Unary::kCount) - 1));
      return net.Step("unary", {Operand(bytes, net, shape)}, shape, UnarySpec{fn, -0.5f, 0.5f});
    }
    case 1: {
      const Binary fn = kBinaries[static_cast<size_t>(bytes.Between(0, std::size(kBinaries) - 1))];
      int a = Operand(bytes, net, shape);
      const Shape small = Repeated(bytes, shape);
      int b = bytes.Flag() ? net.Numbers(small) : Operand(bytes, net, small);
      if (bytes.OneIn(3)) std::swap(a, b);
      return net.Step("binary", {a, b}, shape, BinarySpec{fn, AnyActivation(bytes)});
    }
    case 2: {
      if (shape.size() < 2) shape = {3, shape[0]};
      const int x = Operand(bytes, net, shape);
      std::vector<int> inputs = {x, net.Numbers({bytes.Flag() ? shape[1] : 1})};
      if (bytes.Flag()) inputs.push_back(net.Numbers({shape[1]}));
      return net.Step("scale", inputs, shape, ScaleSpec{AnyActivation(bytes)});
    }
    case 3: {
      ReduceSpec reduce;
      reduce.fn = kReductions[static_cast<size_t>(bytes.Between(0, std::size(kReductions) - 1))];
      Shape y = shape;
      for (int64_t axis = 0; axis <= last; ++axis) {
        if (!bytes.Flag()) continue;
        reduce.axes.push_back(static_cast<int>(axis));
        y[static_cast<size_t>(axis)] = 1;
      }
      return net.Step("reduce", {Operand(bytes, net, shape)}, y, reduce);
    }
    case 4:
      return net.Step("softmax", {Operand(bytes, net, shape)}, shape,
                      SoftmaxSpec{static_cast<int>(bytes.Between(0, last)), bytes.Flag()});
    default: {
      NormalizeSpec norm;
      norm.kind = bytes.Flag() ? NormalizeKind::kLayer : NormalizeKind::kGroup;
      norm.epsilon = 0.1;  // the variance of one element is 0
      norm.activation = AnyActivation(bytes);
      if (shape.size() < 2) shape = {3, shape[0]};
      norm.axis = static_cast<int>(bytes.Between(0, static_cast<int64_t>(shape.size()) - 1));
      if (shape[1] % 2 == 0 && bytes.Flag()) norm.groups = 2;
      std::vector<int> inputs = {Operand(bytes, net, shape)};
      if (bytes.Flag()) {
        const Shape affine =
            norm.kind == NormalizeKind::kGroup ? Shape{shape[1]} : Shape(shape.begin() + norm.axis, shape.end());
        inputs.push_back(net.Numbers(affine));
        inputs.push_back(net.Numbers(affine));
      }
      return net.Step("normalize", inputs, shape, norm);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  net.Output(AddStep(bytes, net), PortLayout::kNchw);
  CheckEverywhere(net, {1, true}, {/*bits=*/false, 1e-3}, bytes.OneIn(4));
  return 0;
}
