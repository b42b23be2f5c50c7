// Over 400 lines: one small reader per operator, and the table that names them, belong side by side.
#include "addon/plan_spec.h"

#include <cmath>
#include <map>
#include <string>

#include "addon/errors.h"
#include "addon/typed_arrays.h"
#include "addon/weight_file_object.h"

namespace lanewise {
namespace {

[[noreturn]] void Fail(Napi::Env env, const std::string& message) {
  throw ToError(env, Status::Invalid("plan description: " + message));
}

// Tensors above 2^38 bytes are refused before any arithmetic on their extents can overflow.
constexpr int64_t kMaxElements = int64_t{1} << 36;

class Reader {
 public:
  Reader(const Napi::Object& object, std::string where) : object_(object), where_(std::move(where)) {}

  Napi::Env env() const { return object_.Env(); }
  bool Has(const char* key) const {
    const Napi::Value v = object_.Get(key);
    return !v.IsUndefined() && !v.IsNull();
  }
  Napi::Value Get(const char* key) const { return object_.Get(key); }
  const std::string& where() const { return where_; }
  [[noreturn]] void Bad(const std::string& key, const char* expected) const {
    Fail(env(), where_ + ": " + key + ": expected " + expected);
  }

  double Number(const char* key) const {
    const Napi::Value v = Get(key);
    if (!v.IsNumber()) Bad(key, "a number");
    return v.As<Napi::Number>().DoubleValue();
  }
  int64_t Integer(const char* key) const { return ToInteger(Get(key), key); }
  int64_t IntegerFrom(const char* key, int64_t least) const {
    const int64_t i = Integer(key);
    if (i < least) Bad(key, least == 1 ? "an integer of at least 1" : "a larger integer");
    return i;
  }
  std::string Text(const char* key) const {
    const Napi::Value v = Get(key);
    if (!v.IsString()) Bad(key, "a string");
    return v.As<Napi::String>().Utf8Value();
  }
  bool Flag(const char* key) const { return Has(key) && Get(key).ToBoolean().Value(); }
  std::vector<int64_t> Integers(const char* key) const {
    const Napi::Value v = Get(key);
    if (!v.IsArray()) Bad(key, "an array of integers");
    const auto array = v.As<Napi::Array>();
    std::vector<int64_t> r(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) r[i] = ToInteger(array.Get(i), key);
    return r;
  }
  std::vector<double> Numbers(const char* key) const {
    const Napi::Value v = Get(key);
    if (!v.IsArray()) Bad(key, "an array of numbers");
    const auto array = v.As<Napi::Array>();
    std::vector<double> r(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) r[i] = Napi::Value(array.Get(i)).ToNumber().DoubleValue();
    return r;
  }
  Pair PairOf(const char* key, int64_t least) const {
    const std::vector<int64_t> v = Integers(key);
    if (v.size() != 2 || v[0] < least || v[1] < least) Bad(key, "two positive integers");
    return {v[0], v[1]};
  }
  Pads PadsOf(const char* key) const {
    const std::vector<int64_t> v = Integers(key);
    if (v.size() != 4) Bad(key, "four integers");
    return {v[0], v[1], v[2], v[3]};
  }
  template <typename T>
  T OneOf(const char* key, const std::map<std::string, T>& names) const {
    const auto it = names.find(Text(key));
    if (it == names.end()) Bad(key, ("a known name, got '" + Text(key) + "'").c_str());
    return it->second;
  }
  Reader Child(const char* key) const {
    const Napi::Value v = Get(key);
    if (!v.IsObject()) Bad(key, "an object");
    return {v.As<Napi::Object>(), where_ + "." + key};
  }

 private:
  int64_t ToInteger(const Napi::Value& v, const char* key) const {
    if (!v.IsNumber()) Bad(key, "an integer");
    const double d = v.As<Napi::Number>().DoubleValue();
    if (!(std::fabs(d) <= 9007199254740991.) || d != std::floor(d)) Bad(key, "an integer");
    return static_cast<int64_t>(d);
  }

  Napi::Object object_;
  std::string where_;
};

const std::map<std::string, Act> kActivations = {
    {"none", Act::kNone},           {"relu", Act::kRelu},       {"clip", Act::kClip},
    {"leakyRelu", Act::kLeakyRelu}, {"prelu", Act::kPrelu},     {"hardSigmoid", Act::kHardSigmoid},
    {"hardSwish", Act::kHardSwish}, {"sigmoid", Act::kSigmoid}, {"silu", Act::kSilu},
    {"tanh", Act::kTanh},           {"gelu", Act::kGelu},       {"geluTanh", Act::kGeluTanh}};

const std::map<std::string, Unary> kUnaries = {{"identity", Unary::kIdentity},
                                               {"relu", Unary::kRelu},
                                               {"clip", Unary::kClip},
                                               {"leakyRelu", Unary::kLeakyRelu},
                                               {"hardSigmoid", Unary::kHardSigmoid},
                                               {"hardSwish", Unary::kHardSwish},
                                               {"sigmoid", Unary::kSigmoid},
                                               {"silu", Unary::kSilu},
                                               {"tanh", Unary::kTanh},
                                               {"gelu", Unary::kGelu},
                                               {"geluTanh", Unary::kGeluTanh},
                                               {"abs", Unary::kAbs},
                                               {"neg", Unary::kNeg},
                                               {"exp", Unary::kExp},
                                               {"log", Unary::kLog},
                                               {"sqrt", Unary::kSqrt},
                                               {"reciprocal", Unary::kReciprocal},
                                               {"floor", Unary::kFloor},
                                               {"ceil", Unary::kCeil},
                                               {"round", Unary::kRound},
                                               {"sign", Unary::kSign},
                                               {"erf", Unary::kErf},
                                               {"softplus", Unary::kSoftplus},
                                               {"elu", Unary::kElu},
                                               {"mish", Unary::kMish},
                                               {"selu", Unary::kSelu},
                                               {"thresholdedRelu", Unary::kThresholdedRelu},
                                               {"softsign", Unary::kSoftsign},
                                               {"shrink", Unary::kShrink},
                                               {"sin", Unary::kSin},
                                               {"cos", Unary::kCos},
                                               {"tan", Unary::kTan},
                                               {"asin", Unary::kAsin},
                                               {"acos", Unary::kAcos},
                                               {"atan", Unary::kAtan},
                                               {"sinh", Unary::kSinh},
                                               {"cosh", Unary::kCosh},
                                               {"asinh", Unary::kAsinh},
                                               {"acosh", Unary::kAcosh},
                                               {"atanh", Unary::kAtanh}};

const std::map<std::string, Binary> kBinaries = {
    {"add", Binary::kAdd},   {"sub", Binary::kSub}, {"mul", Binary::kMul}, {"div", Binary::kDiv},
    {"min", Binary::kMin},   {"max", Binary::kMax}, {"pow", Binary::kPow}, {"prelu", Binary::kPrelu},
    {"fmod", Binary::kFmod}, {"mod", Binary::kMod}};

const std::map<std::string, Reduce> kReductions = {{"sum", Reduce::kSum},       {"mean", Reduce::kMean},
                                                   {"max", Reduce::kMax},       {"min", Reduce::kMin},
                                                   {"prod", Reduce::kProd},     {"l1", Reduce::kL1},
                                                   {"l2", Reduce::kL2},         {"sumSquare", Reduce::kSumSquare},
                                                   {"logSum", Reduce::kLogSum}, {"logSumExp", Reduce::kLogSumExp}};

const std::map<std::string, Element> kElements = {{"float32", Element::kFloat32}, {"int64", Element::kInt64},
                                                  {"int32", Element::kInt32},     {"uint8", Element::kUint8},
                                                  {"int8", Element::kInt8},       {"bool", Element::kBool}};

class SpecReader {
 public:
  explicit SpecReader(const Napi::Object& object) : root_(object, "plan") {}

  PlanSpec Read() {
    ReadValues();
    spec_.inputs = Ports("inputs");
    spec_.outputs = Ports("outputs");
    const Napi::Value steps = root_.Get("steps");
    if (!steps.IsArray()) root_.Bad("steps", "an array");
    const auto array = steps.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value v = array.Get(i);
      if (!v.IsObject()) root_.Bad("steps", "objects");
      spec_.steps.push_back(ReadStep(Reader(v.As<Napi::Object>(), "steps[" + std::to_string(i) + "]")));
    }
    return std::move(spec_);
  }

 private:
  void ReadValues() {
    const Napi::Value values = root_.Get("values");
    if (!values.IsArray()) root_.Bad("values", "an array");
    const auto array = values.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value item = array.Get(i);
      if (!item.IsObject()) root_.Bad("values", "objects");
      const Reader r(item.As<Napi::Object>(), "values[" + std::to_string(i) + "]");
      ValueSpec value;
      value.name = r.Text("name");
      value.shape = r.Integers("shape");
      if (r.Has("type")) value.type = r.OneOf("type", kElements);
      int64_t count = 1;
      for (int64_t d : value.shape) {
        if (d < 0 || (d > 0 && count > kMaxElements / d)) r.Bad("shape", "extents whose product is below 2^36");
        count *= d;
      }
      if (r.Has("data")) {
        // An empty array has no address, nor have stored weights; a constant is recognised by having one.
        static const float nothing = 0;
        value.data = &nothing;
        const Napi::Value data = r.Get("data");
        value.stored = ReadStoredWeights(data);
        if (value.stored != nullptr) {
          const auto parts = static_cast<int64_t>(value.stored->scale.size());
          const bool divides = parts == 0 || count % parts == 0;
          if (value.type != Element::kFloat32 || !divides)
            r.Bad("data", "float32 weights in equal parts, one per factor");
        } else {
          if (!IsArrayOf(data, value.type)) r.Bad("data", "an array of the value's element type");
          const auto elements = data.As<Napi::TypedArray>();
          if (static_cast<int64_t>(elements.ElementLength()) != count) {
            r.Bad("data", "as many elements as the shape has");
          }
          if (count > 0) value.data = static_cast<const float*>(DataOfArray(elements));
        }
        if (r.Has("id")) value.constant_id = r.Integer("id");
      }
      spec_.values.push_back(std::move(value));
    }
  }

  std::vector<PortSpec> Ports(const char* key) {
    const Napi::Value ports = root_.Get(key);
    if (!ports.IsArray()) root_.Bad(key, "an array");
    const auto array = ports.As<Napi::Array>();
    std::vector<PortSpec> result;
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value v = array.Get(i);
      if (!v.IsObject()) root_.Bad(key, "objects");
      const Reader r(v.As<Napi::Object>(), std::string(key) + "[" + std::to_string(i) + "]");
      result.push_back({Value(r, "value"),
                        r.OneOf<PortLayout>("layout", {{"nchw", PortLayout::kNchw}, {"nhwc", PortLayout::kNhwc}})});
    }
    return result;
  }

  int CheckIndex(const Reader& r, const char* key, int64_t i) const {
    if (i < 0 || i >= static_cast<int64_t>(spec_.values.size())) r.Bad(key, "the index of a value");
    return static_cast<int>(i);
  }
  int Value(const Reader& r, const char* key) const { return CheckIndex(r, key, r.Integer(key)); }
  int OptionalValue(const Reader& r, const char* key) const { return r.Has(key) ? Value(r, key) : kNone; }

  const Shape& ShapeOf(int v) const { return spec_.values[static_cast<size_t>(v)].shape; }

  static Activation ReadActivation(const Reader& parent, const char* key) {
    if (!parent.Has(key)) return {};
    const Reader r = parent.Child(key);
    return {r.OneOf("kind", kActivations), static_cast<float>(r.Number("alpha")), static_cast<float>(r.Number("beta"))};
  }

  EpilogueSpec ReadEpilogue(const Reader& parent) const {
    EpilogueSpec e;
    if (!parent.Has("epilogue")) return e;
    const Reader r = parent.Child("epilogue");
    e.bias = OptionalValue(r, "bias");
    e.scale = OptionalValue(r, "scale");
    e.shift = OptionalValue(r, "shift");
    e.residual = OptionalValue(r, "residual");
    e.slope = OptionalValue(r, "slope");
    e.gate = OptionalValue(r, "gate");
    e.activation = ReadActivation(r, "activation");
    e.add_after_activation = r.Flag("addAfterActivation");
    return e;
  }

  // Extents, strides and pads small enough for any arithmetic with them.
  static std::vector<int64_t> Extents(const Reader& r, const char* key, int64_t least) {
    constexpr int64_t kLimit = int64_t{1} << 31;
    std::vector<int64_t> values = r.Integers(key);
    for (int64_t v : values)
      if (v < least || v > kLimit) r.Bad(key, "extents below 2^31");
    return values;
  }

  int Axis(const Reader& r, int v) const {
    const int64_t axis = r.Integer("axis");
    if (axis < 0 || axis >= static_cast<int64_t>(ShapeOf(v).size())) r.Bad("axis", "an axis of the input");
    return static_cast<int>(axis);
  }

  // How many inputs and outputs an operator takes, and how its fields are read.
  struct Entry {
    size_t min_inputs, max_inputs, min_outputs, max_outputs;
    size_t rank;  // of the first input; 0 for any
    OpSpec (SpecReader::*read)(const Reader&, const StepSpec&) const;
  };

  OpSpec ReadConv2d(const Reader& r, const StepSpec& s) const {
    Conv2dSpec c;
    c.strides = r.PairOf("strides", 1);
    c.dilations = r.PairOf("dilations", 1);
    c.pads = r.PadsOf("pads");
    c.groups = r.IntegerFrom("groups", 1);
    c.pad_value = OptionalValue(r, "padValue");
    c.epilogue = ReadEpilogue(r);
    CheckSlides(r, s, c.strides, c.dilations, {ShapeOf(s.inputs[1])[2], ShapeOf(s.inputs[1])[3]}, c.pads);
    return c;
  }
  OpSpec ReadConvTranspose2d(const Reader& r, const StepSpec& s) const {
    ConvTranspose2dSpec c;
    c.strides = r.PairOf("strides", 1);
    c.dilations = r.PairOf("dilations", 1);
    c.pads = r.PadsOf("pads");
    c.groups = r.IntegerFrom("groups", 1);
    c.epilogue = ReadEpilogue(r);
    (void)s;
    return c;
  }
  OpSpec ReadMatmul(const Reader& r, const StepSpec&) const {
    return MatmulSpec{r.Flag("transposeB"), ReadEpilogue(r)};
  }
  OpSpec ReadPool2d(const Reader& r, const StepSpec& s) const {
    Pool2dSpec p;
    p.kind = r.OneOf<PoolKind>("kind", {{"max", PoolKind::kMax}, {"avg", PoolKind::kAvg}});
    p.kernel = r.PairOf("kernel", 1);
    p.strides = r.PairOf("strides", 1);
    p.dilations = r.PairOf("dilations", 1);
    p.pads = r.PadsOf("pads");
    p.count_include_pad = r.Flag("countIncludePad");
    (void)s;
    return p;
  }
  OpSpec ReadGlobalPool(const Reader& r, const StepSpec&) const {
    return GlobalPoolSpec{r.OneOf<PoolKind>("kind", {{"max", PoolKind::kMax}, {"avg", PoolKind::kAvg}})};
  }
  OpSpec ReadResize2d(const Reader& r, const StepSpec&) const {
    Resize2dSpec s;
    s.mode = r.OneOf<ResizeMode>("mode", {{"nearest", ResizeMode::kNearest}, {"linear", ResizeMode::kLinear}});
    s.coordinates = r.OneOf<Coordinates>("coordinates", {{"half_pixel", Coordinates::kHalfPixel},
                                                         {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
                                                         {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
                                                         {"align_corners", Coordinates::kAlignCorners},
                                                         {"asymmetric", Coordinates::kAsymmetric}});
    s.rounding = r.OneOf<Rounding>("rounding", {{"round_prefer_floor", Rounding::kPreferFloor},
                                                {"round_prefer_ceil", Rounding::kPreferCeil},
                                                {"floor", Rounding::kFloor},
                                                {"ceil", Rounding::kCeil}});
    const Napi::Value scales = r.Get("scales");
    if (!scales.IsArray() || scales.As<Napi::Array>().Length() != 2) r.Bad("scales", "two numbers");
    const auto array = scales.As<Napi::Array>();
    s.scale_h = array.Get(0u).ToNumber().DoubleValue();
    s.scale_w = array.Get(1u).ToNumber().DoubleValue();
    if (!(s.scale_h > 0) || !(s.scale_w > 0)) r.Bad("scales", "two positive numbers");
    return s;
  }
  OpSpec ReadSoftmax(const Reader& r, const StepSpec& s) const {
    return SoftmaxSpec{Axis(r, s.inputs[0]), r.Flag("log")};
  }
  OpSpec ReadNormalize(const Reader& r, const StepSpec& s) const {
    NormalizeSpec n;
    n.kind = r.OneOf<NormalizeKind>("kind", {{"layer", NormalizeKind::kLayer}, {"group", NormalizeKind::kGroup}});
    n.axis = Axis(r, s.inputs[0]);
    n.groups = r.IntegerFrom("groups", 1);
    n.epsilon = r.Number("epsilon");
    n.activation = ReadActivation(r, "activation");
    return n;
  }
  OpSpec ReadUnary(const Reader& r, const StepSpec&) const {
    return UnarySpec{r.OneOf("fn", kUnaries), static_cast<float>(r.Number("alpha")),
                     static_cast<float>(r.Number("beta"))};
  }
  OpSpec ReadBinary(const Reader& r, const StepSpec&) const {
    return BinarySpec{r.OneOf("fn", kBinaries), ReadActivation(r, "activation")};
  }
  OpSpec ReadScale(const Reader& r, const StepSpec&) const { return ScaleSpec{ReadActivation(r, "activation")}; }
  OpSpec ReadSqueezeExcite(const Reader& r, const StepSpec&) const {
    return SqueezeExciteSpec{ReadActivation(r, "activation"), ReadActivation(r, "gate"), r.Flag("addInput")};
  }
  OpSpec ReadConcat(const Reader& r, const StepSpec& s) const { return ConcatSpec{Axis(r, s.inputs[0])}; }
  OpSpec ReadSplit(const Reader& r, const StepSpec& s) const { return SplitSpec{Axis(r, s.inputs[0])}; }
  OpSpec ReadChannelShuffle(const Reader& r, const StepSpec&) const {
    return ChannelShuffleSpec{r.IntegerFrom("groups", 1)};
  }
  OpSpec ReadTranspose(const Reader& r, const StepSpec& s) const {
    TransposeSpec t;
    const size_t rank = ShapeOf(s.inputs[0]).size();
    std::vector<bool> seen(rank, false);
    for (int64_t p : r.Integers("permutation")) {
      if (p < 0 || p >= static_cast<int64_t>(rank) || seen[static_cast<size_t>(p)])
        r.Bad("permutation", "a permutation");
      seen[static_cast<size_t>(p)] = true;
      t.permutation.push_back(static_cast<int>(p));
    }
    if (t.permutation.size() != rank) r.Bad("permutation", "one axis per axis");
    return t;
  }
  OpSpec ReadSlice(const Reader& r, const StepSpec& s) const {
    SliceSpec slice{r.Integers("starts"), r.Integers("steps")};
    const Shape& x = ShapeOf(s.inputs[0]);
    const Shape& y = ShapeOf(s.outputs[0]);
    if (slice.starts.size() != x.size() || slice.steps.size() != x.size() || y.size() != x.size()) {
      r.Bad("starts", "one start and step per axis");
    }
    for (size_t i = 0; i < x.size(); ++i) {
      if (y[i] == 0) continue;
      const int64_t step = slice.steps[i], first = slice.starts[i];
      const bool steep = step > kMaxElements || step < -kMaxElements;
      if (steep || first < 0 || first >= x[i]) r.Bad("starts", "positions inside the input");
      const int64_t last = first + (y[i] - 1) * step;
      if (y[i] > x[i] + 1 || last < 0 || last >= x[i]) r.Bad("starts", "positions inside the input");
    }
    return slice;
  }
  OpSpec ReadPad(const Reader& r, const StepSpec& s) const {
    PadSpec p;
    p.mode = r.OneOf<PadMode>("mode", {{"constant", PadMode::kConstant},
                                       {"reflect", PadMode::kReflect},
                                       {"edge", PadMode::kEdge},
                                       {"wrap", PadMode::kWrap}});
    p.begins = r.Integers("begins");
    p.value = static_cast<float>(r.Number("value"));
    if (p.begins.size() != ShapeOf(s.inputs[0]).size() || ShapeOf(s.outputs[0]).size() != p.begins.size()) {
      r.Bad("begins", "one extent per axis");
    }
    return p;
  }
  OpSpec ReadReduce(const Reader& r, const StepSpec& s) const {
    ReduceSpec reduce;
    reduce.fn = r.OneOf("fn", kReductions);
    for (int64_t axis : r.Integers("axes")) {
      if (axis < 0 || axis >= static_cast<int64_t>(ShapeOf(s.inputs[0]).size())) r.Bad("axes", "axes of the input");
      reduce.axes.push_back(static_cast<int>(axis));
    }
    return reduce;
  }
  OpSpec ReadReshape(const Reader& r, const StepSpec& s) const {
    if (ElementCount(ShapeOf(s.inputs[0])) != ElementCount(ShapeOf(s.outputs[0]))) r.Bad("outputs", "as many elements");
    return ReshapeSpec{};
  }
  OpSpec ReadExpand(const Reader&, const StepSpec&) const { return ExpandSpec{}; }
  OpSpec ReadGather(const Reader& r, const StepSpec& s) const {
    GatherSpec g;
    g.axis = Axis(r, s.inputs[0]);
    g.indices = r.Integers("indices");
    for (int64_t i : g.indices) {
      if (i < 0 || i >= ShapeOf(s.inputs[0])[static_cast<size_t>(g.axis)]) r.Bad("indices", "indices inside the axis");
    }
    return g;
  }

  OpSpec ReadInterpolate(const Reader& r, const StepSpec& s) const {
    InterpolateSpec i;
    i.axis = Axis(r, s.inputs[0]);
    i.starts = r.Integers("starts");
    i.indices = r.Integers("indices");
    for (double weight : r.Numbers("weights")) i.weights.push_back(static_cast<float>(weight));
    i.fill = static_cast<float>(r.Number("fill"));
    return i;
  }
  OpSpec ReadWindowPool(const Reader& r, const StepSpec&) const {
    WindowPoolSpec p;
    p.kind = r.OneOf<WindowKind>(
        "kind", {{"max", WindowKind::kMax}, {"avg", WindowKind::kAverage}, {"norm", WindowKind::kNorm}});
    p.kernel = Extents(r, "kernel", 1);
    p.strides = Extents(r, "strides", 1);
    p.dilations = Extents(r, "dilations", 1);
    p.begins = Extents(r, "begins", 0);
    p.ends = Extents(r, "ends", 0);
    for (const auto& list : {p.strides, p.dilations, p.begins, p.ends})
      if (list.size() != p.kernel.size()) r.Bad("kernel", "as many values as every list of the window");
    p.count_include_pad = r.Flag("countIncludePad");
    p.p = r.Number("p");
    return p;
  }
  OpSpec ReadLrn(const Reader& r, const StepSpec&) const {
    return LrnSpec{r.IntegerFrom("size", 1), static_cast<float>(r.Number("alpha")),
                   static_cast<float>(r.Number("beta")), static_cast<float>(r.Number("bias"))};
  }
  OpSpec ReadHardmax(const Reader& r, const StepSpec& s) const { return HardmaxSpec{Axis(r, s.inputs[0])}; }
  OpSpec ReadGridSample(const Reader& r, const StepSpec&) const {
    return GridSampleSpec{
        r.OneOf<GridMode>(
            "mode", {{"nearest", GridMode::kNearest}, {"linear", GridMode::kLinear}, {"cubic", GridMode::kCubic}}),
        r.OneOf<GridPadding>("padding", {{"zeros", GridPadding::kZeros},
                                         {"border", GridPadding::kBorder},
                                         {"reflection", GridPadding::kReflection}}),
        r.Flag("alignCorners")};
  }
  OpSpec ReadRoiAlign(const Reader& r, const StepSpec&) const {
    return RoiAlignSpec{r.Flag("max"), r.Flag("halfPixel"), r.IntegerFrom("samples", 0),
                        static_cast<float>(r.Number("scale"))};
  }
  OpSpec ReadMaxRoiPool(const Reader& r, const StepSpec&) const {
    return MaxRoiPoolSpec{static_cast<float>(r.Number("scale"))};
  }
  OpSpec ReadDeformColumns(const Reader& r, const StepSpec&) const {
    DeformColumnsSpec d;
    d.kernel = r.PairOf("kernel", 1);
    d.strides = r.PairOf("strides", 1);
    d.dilations = r.PairOf("dilations", 1);
    const Pads pads = r.PadsOf("pads");
    d.top = pads.top;
    d.left = pads.left;
    d.groups = r.IntegerFrom("groups", 1);
    return d;
  }
  OpSpec ReadRecurrent(const Reader& r, const StepSpec&) const {
    RecurrentSpec c;
    c.kind = r.OneOf<RecurrentKind>(
        "kind", {{"rnn", RecurrentKind::kRnn}, {"gru", RecurrentKind::kGru}, {"lstm", RecurrentKind::kLstm}});
    const Napi::Value functions = r.Get("activations");
    if (!functions.IsArray()) r.Bad("activations", "an array");
    const auto array = functions.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value item = array.Get(i);
      if (!item.IsObject()) r.Bad("activations", "objects");
      const Reader f(item.As<Napi::Object>(), r.where() + ".activations");
      const auto number = [&](const char* key) { return static_cast<float>(f.Number(key)); };
      c.activations.push_back({f.OneOf("fn", kUnaries), number("alpha"), number("beta"), number("before"),
                               number("after"), number("shift")});
    }
    c.clip = static_cast<float>(r.Number("clip"));
    c.reverse = r.Flag("reverse");
    c.input_forget = r.Flag("inputForget");
    c.linear_before_reset = r.Flag("linearBeforeReset");
    return c;
  }
  OpSpec ReadTyped(const Reader& r, const StepSpec&) const { return TypedSpec{r.Text("fn"), r.Integers("integers")}; }

  // The output must be reachable: its last window begins inside the padded input.
  void CheckSlides(const Reader& r, const StepSpec& s, Pair strides, Pair dilations, Pair kernel, Pads pads) const {
    const Shape& x = ShapeOf(s.inputs[0]);
    const Shape& y = ShapeOf(s.outputs[0]);
    const auto fits = [](int64_t input, int64_t output, int64_t k, int64_t stride, int64_t dilation, int64_t before,
                         int64_t after) {
      constexpr int64_t kLimit = int64_t{1} << 31;
      if (k < 0 || stride > kLimit || dilation > kLimit || k > kLimit || input > kLimit) return false;
      if (before < 0 || after < 0 || before > kLimit || after > kLimit) return false;
      if (output == 0) return true;
      return (output - 1) * stride + dilation * (k - 1) + 1 <= input + before + after;
    };
    if (!fits(x[2], y[2], kernel.h, strides.h, dilations.h, pads.top, pads.bottom) ||
        !fits(x[3], y[3], kernel.w, strides.w, dilations.w, pads.left, pads.right)) {
      r.Bad("outputs", "an extent that the padded input covers");
    }
  }

  StepSpec ReadStep(const Reader& r) const {
    static const std::map<std::string, Entry> kEntries = {
        {"conv2d", {2, 2, 1, 1, 4, &SpecReader::ReadConv2d}},
        {"convTranspose2d", {2, 2, 1, 1, 4, &SpecReader::ReadConvTranspose2d}},
        {"matmul", {2, 2, 1, 1, 0, &SpecReader::ReadMatmul}},
        {"pool2d", {1, 1, 1, 1, 4, &SpecReader::ReadPool2d}},
        {"globalPool", {1, 1, 1, 1, 4, &SpecReader::ReadGlobalPool}},
        {"resize2d", {1, 1, 1, 1, 4, &SpecReader::ReadResize2d}},
        {"softmax", {1, 1, 1, 1, 0, &SpecReader::ReadSoftmax}},
        {"normalize", {1, 3, 1, 1, 0, &SpecReader::ReadNormalize}},
        {"unary", {1, 1, 1, 1, 0, &SpecReader::ReadUnary}},
        {"binary", {2, 2, 1, 1, 0, &SpecReader::ReadBinary}},
        {"scale", {2, 3, 1, 1, 0, &SpecReader::ReadScale}},
        {"squeezeExcite", {5, 5, 1, 1, 4, &SpecReader::ReadSqueezeExcite}},
        {"concat", {1, 1 << 20, 1, 1, 0, &SpecReader::ReadConcat}},
        {"split", {1, 1, 1, 1 << 20, 0, &SpecReader::ReadSplit}},
        {"channelShuffle", {1, 1, 1, 1, 4, &SpecReader::ReadChannelShuffle}},
        {"transpose", {1, 1, 1, 1, 0, &SpecReader::ReadTranspose}},
        {"slice", {1, 1, 1, 1, 0, &SpecReader::ReadSlice}},
        {"pad", {1, 1, 1, 1, 0, &SpecReader::ReadPad}},
        {"reduce", {1, 1, 1, 1, 0, &SpecReader::ReadReduce}},
        {"reshape", {1, 1, 1, 1, 0, &SpecReader::ReadReshape}},
        {"expand", {1, 1, 1, 1, 0, &SpecReader::ReadExpand}},
        {"gather", {1, 1, 1, 1, 0, &SpecReader::ReadGather}},
        {"interpolate", {1, 1, 1, 1, 0, &SpecReader::ReadInterpolate}},
        {"windowPool", {1, 1, 1, 1, 0, &SpecReader::ReadWindowPool}},
        {"lrn", {1, 1, 1, 1, 0, &SpecReader::ReadLrn}},
        {"hardmax", {1, 1, 1, 1, 0, &SpecReader::ReadHardmax}},
        {"gridSample", {2, 2, 1, 1, 0, &SpecReader::ReadGridSample}},
        {"roiAlign", {3, 3, 1, 1, 4, &SpecReader::ReadRoiAlign}},
        {"maxRoiPool", {2, 2, 1, 1, 4, &SpecReader::ReadMaxRoiPool}},
        {"deformColumns", {2, 3, 1, 1, 0, &SpecReader::ReadDeformColumns}},
        {"recurrent", {7, 7, 3, 3, 0, &SpecReader::ReadRecurrent}},
        {"typed", {1, 5, 1, 3, 0, &SpecReader::ReadTyped}},
    };
    StepSpec step;
    step.op = r.Text("op");
    step.name = r.Text("name");
    const auto it = kEntries.find(step.op);
    if (it == kEntries.end()) r.Bad("op", ("a known operator, got '" + step.op + "'").c_str());
    const Entry& entry = it->second;
    for (int64_t v : r.Integers("inputs")) step.inputs.push_back(CheckIndex(r, "inputs", v));
    for (int64_t v : r.Integers("outputs")) step.outputs.push_back(CheckIndex(r, "outputs", v));
    if (step.inputs.size() < entry.min_inputs || step.inputs.size() > entry.max_inputs)
      r.Bad("inputs", "another count");
    if (step.outputs.size() < entry.min_outputs || step.outputs.size() > entry.max_outputs) {
      r.Bad("outputs", "another count");
    }
    for (int v : step.outputs) {
      if (spec_.values[static_cast<size_t>(v)].data != nullptr) r.Bad("outputs", "values that are not constants");
    }
    if (entry.rank != 0) {
      if (ShapeOf(step.inputs[0]).size() != entry.rank || ShapeOf(step.outputs[0]).size() != entry.rank) {
        r.Bad("inputs", "rank 4");
      }
      if ((step.op == "conv2d" || step.op == "convTranspose2d") && ShapeOf(step.inputs[1]).size() != 4) {
        r.Bad("inputs", "rank-4 weights");
      }
    }
    step.spec = (this->*entry.read)(r, step);
    return step;
  }

  Reader root_;
  PlanSpec spec_;
};

}  // namespace

PlanSpec ReadPlanSpec(const Napi::Object& object) { return SpecReader(object).Read(); }

}  // namespace lanewise
