// The description a plan is built from: the C++ mirror of lib/graph/plan-spec.ts, field by field. See there for the
// meaning of each operator's inputs.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/element.h"
#include "core/weight_file.h"
#include "kernels/contract.h"

namespace lanewise {

using Shape = std::vector<int64_t>;
constexpr int kNone = -1;  // an absent value index

// Number of elements; the addon has checked that it does not overflow.
inline int64_t ElementCount(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

struct ValueSpec {
  std::string name;
  Shape shape;
  const float* data = nullptr;  // constant (elements of `type`), valid while the plan is being created
  int64_t constant_id = kNone;  // identity of the constant across the plans of one model; keys packed copies
  Element type = Element::kFloat32;
  // Of a constant that is read when it is packed: `data` is then any address.
  std::shared_ptr<const StoredWeights> stored = nullptr;
};

struct EpilogueSpec {
  int bias = kNone;
  int scale = kNone;
  int shift = kNone;
  int residual = kNone;
  int slope = kNone;
  int gate = kNone;
  Activation activation;
  bool add_after_activation = false;
};

struct Pair {
  int64_t h = 1, w = 1;
};
struct Pads {
  int64_t top = 0, left = 0, bottom = 0, right = 0;
};

struct Conv2dSpec {
  Pair strides, dilations;
  Pads pads;
  int64_t groups = 1;
  int pad_value = kNone;
  EpilogueSpec epilogue;
};
struct ConvTranspose2dSpec {
  Pair strides, dilations;
  Pads pads;
  int64_t groups = 1;
  EpilogueSpec epilogue;
};
struct MatmulSpec {
  bool transpose_b = false;
  EpilogueSpec epilogue;
};
enum class PoolKind { kMax, kAvg };
struct Pool2dSpec {
  PoolKind kind = PoolKind::kMax;
  Pair kernel, strides, dilations;
  Pads pads;
  bool count_include_pad = false;
};
struct GlobalPoolSpec {
  PoolKind kind = PoolKind::kAvg;
};
enum class ResizeMode { kNearest, kLinear };
enum class Coordinates { kHalfPixel, kHalfPixelSymmetric, kPytorchHalfPixel, kAlignCorners, kAsymmetric };
enum class Rounding { kPreferFloor, kPreferCeil, kFloor, kCeil };
struct Resize2dSpec {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  Rounding rounding = Rounding::kPreferFloor;
  double scale_h = 1, scale_w = 1;
};
struct SoftmaxSpec {
  int axis = 0;
  bool log = false;
};
enum class NormalizeKind { kLayer, kGroup };
struct NormalizeSpec {
  NormalizeKind kind = NormalizeKind::kLayer;
  int axis = 0;
  int64_t groups = 1;
  double epsilon = 1e-5;
  Activation activation;
};
struct UnarySpec {
  Unary fn = Unary::kIdentity;
  float alpha = 0, beta = 0;
};
struct BinarySpec {
  Binary fn = Binary::kAdd;
  Activation activation;
};
struct ScaleSpec {
  Activation activation;
};
struct SqueezeExciteSpec {
  Activation activation, gate;
  bool add_input = false;
};
struct ConcatSpec {
  int axis = 0;
};
struct SplitSpec {
  int axis = 0;
};
struct ChannelShuffleSpec {
  int64_t groups = 1;
};
struct TransposeSpec {
  std::vector<int> permutation;
};
struct SliceSpec {
  std::vector<int64_t> starts, steps;
};
enum class PadMode { kConstant, kReflect, kEdge, kWrap };
struct PadSpec {
  PadMode mode = PadMode::kConstant;
  std::vector<int64_t> begins;
  float value = 0;
};
enum class Reduce { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kSumSquare, kLogSum, kLogSumExp };
struct ReduceSpec {
  Reduce fn = Reduce::kSum;
  std::vector<int> axes;
};
struct ReshapeSpec {};
struct ExpandSpec {};
struct GatherSpec {
  int axis = 0;
  std::vector<int64_t> indices;
};

// Output position o of the axis is the sum over taps t in [starts[o], starts[o+1]) of weights[t] * x[indices[t]], and
// `fill` where there are none.
struct InterpolateSpec {
  int axis = 0;
  std::vector<int64_t> starts, indices;
  std::vector<float> weights;
  float fill = 0;
};
enum class WindowKind { kMax, kAverage, kNorm };
struct WindowPoolSpec {
  WindowKind kind = WindowKind::kMax;
  std::vector<int64_t> kernel, strides, dilations, begins, ends;  // per spatial axis
  bool count_include_pad = false;
  double p = 2;
};
struct LrnSpec {
  int64_t size = 1;
  float alpha = 1e-4f, beta = 0.75f, bias = 1;
};
struct HardmaxSpec {
  int axis = 0;
};
enum class GridMode { kNearest, kLinear, kCubic };
enum class GridPadding { kZeros, kBorder, kReflection };
struct GridSampleSpec {
  GridMode mode = GridMode::kLinear;
  GridPadding padding = GridPadding::kZeros;
  bool align_corners = false;
};
struct RoiAlignSpec {
  bool max = false, half_pixel = true;
  int64_t samples = 0;
  float scale = 1;
};
struct MaxRoiPoolSpec {
  float scale = 1;
};
struct DeformColumnsSpec {
  Pair kernel, strides, dilations;
  int64_t top = 0, left = 0;
  int64_t groups = 1;
};
enum class RecurrentKind { kRnn, kGru, kLstm };
// after * fn(before * x) + shift
struct CellFunction {
  Unary fn = Unary::kTanh;
  float alpha = 0, beta = 0, before = 1, after = 1, shift = 0;
};
struct RecurrentSpec {
  RecurrentKind kind = RecurrentKind::kLstm;
  std::vector<CellFunction> activations;  // direction by direction
  float clip = 0;                         // 0: none
  bool reverse = false, input_forget = false, linear_before_reset = false;
};
// An operator of core/typed.h by its name.
struct TypedSpec {
  std::string fn;
  std::vector<int64_t> integers;
};

using OpSpec = std::variant<Conv2dSpec, ConvTranspose2dSpec, MatmulSpec, Pool2dSpec, GlobalPoolSpec, Resize2dSpec,
                            SoftmaxSpec, NormalizeSpec, UnarySpec, BinarySpec, ScaleSpec, SqueezeExciteSpec, ConcatSpec,
                            SplitSpec, ChannelShuffleSpec, TransposeSpec, SliceSpec, PadSpec, ReduceSpec, ReshapeSpec,
                            ExpandSpec, GatherSpec, InterpolateSpec, WindowPoolSpec, LrnSpec, HardmaxSpec,
                            GridSampleSpec, RoiAlignSpec, MaxRoiPoolSpec, DeformColumnsSpec, RecurrentSpec, TypedSpec>;

struct StepSpec {
  std::string op;    // as in plan-spec.ts, for messages and profiles
  std::string name;  // the node's
  std::vector<int> inputs, outputs;
  OpSpec spec;
};

enum class PortLayout { kNchw, kNhwc };
struct PortSpec {
  int value = kNone;
  PortLayout layout = PortLayout::kNchw;
};

struct PlanSpec {
  std::vector<ValueSpec> values;
  std::vector<PortSpec> inputs, outputs;
  std::vector<StepSpec> steps;
};

}  // namespace lanewise
