#include "addon/fold_functions.h"

#include <string>

#include "addon/floats.h"
#include "core/fold.h"

namespace lanewise {
namespace {

[[noreturn]] void Fail(Napi::Env env, const std::string& message) { throw Napi::TypeError::New(env, message); }

Napi::Float32Array Floats(const Napi::Value& v, const char* what) {
  if (!v.IsTypedArray() || v.As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    Fail(v.Env(), std::string(what) + ": expected a Float32Array");
  }
  return v.As<Napi::Float32Array>();
}

Napi::Float64Array Doubles(const Napi::Value& v, int64_t length, const char* what) {
  if (!v.IsTypedArray() || v.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    Fail(v.Env(), std::string(what) + ": expected a Float64Array");
  }
  const auto array = v.As<Napi::Float64Array>();
  if (static_cast<int64_t>(array.ElementLength()) != length) {
    Fail(v.Env(), std::string(what) + ": expected " + std::to_string(length) + " elements, got " +
                      std::to_string(array.ElementLength()));
  }
  return array;
}

// fold({weight, shape, bias, axis, groups}, {scale, shift}, {into, begin, end} | undefined) -> {weight, bias}
template <typename Function>
Napi::Value Fold(const Napi::CallbackInfo& info, bool before, Function fold) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsObject()) Fail(env, "fold: expected two objects");
  const auto linear = info[0].As<Napi::Object>();
  const auto affine = info[1].As<Napi::Object>();
  const Napi::Float32Array weight = Floats(linear.Get("weight"), "weight");
  const Napi::Value shape_value = linear.Get("shape");
  if (!shape_value.IsArray() || shape_value.As<Napi::Array>().Length() < 2) Fail(env, "shape: expected rank 2 or more");
  const auto shape = shape_value.As<Napi::Array>();
  int64_t count = 1;
  std::vector<int64_t> extents;
  for (uint32_t i = 0; i < shape.Length(); ++i) {
    const int64_t d = shape.Get(i).ToNumber().Int64Value();
    if (d < 0 || (d > 0 && count > (int64_t{1} << 40) / d)) Fail(env, "shape: not a shape");
    count *= d;
    extents.push_back(d);
  }
  if (count != static_cast<int64_t>(weight.ElementLength())) Fail(env, "weight: length and shape do not agree");
  const bool output_first = linear.Get("axis").ToString().Utf8Value() == "oi";
  const int64_t groups = linear.Get("groups").ToNumber().Int64Value();
  if (groups < 1) Fail(env, "groups: expected a positive number");
  WeightExtents e{};
  e.groups = groups;
  e.output_first = output_first;
  e.outputs = output_first ? extents[0] : extents[1] * groups;
  e.inputs = output_first ? extents[1] * groups : extents[0];
  e.taps = 1;
  for (size_t i = 2; i < extents.size(); ++i) e.taps *= extents[i];
  if (e.outputs % groups != 0 || e.inputs % groups != 0) Fail(env, "groups: must divide the channels");
  const int64_t channels = before ? e.inputs : e.outputs;
  const Napi::Float64Array scale = Doubles(affine.Get("scale"), channels, "scale");
  const Napi::Float64Array shift = Doubles(affine.Get("shift"), channels, "shift");
  const Napi::Value bias_value = linear.Get("bias");
  const float* bias = nullptr;
  if (!bias_value.IsNull() && !bias_value.IsUndefined()) {
    const Napi::Float32Array array = Floats(bias_value, "bias");
    if (static_cast<int64_t>(array.ElementLength()) != e.outputs) Fail(env, "bias: expected one per output channel");
    bias = array.Data();
  }
  const bool whole = info.Length() < 3 || !info[2].IsObject();
  int64_t begin = 0, end = e.outputs;
  Napi::Object result = whole ? Napi::Object::New(env) : info[2].As<Napi::Object>().Get("into").ToObject();
  if (whole) {
    result.Set("weight", NewFloats(env, weight.ElementLength()));
    result.Set("bias", NewFloats(env, static_cast<size_t>(e.outputs)));
  } else {
    const auto part = info[2].As<Napi::Object>();
    begin = part.Get("begin").ToNumber().Int64Value();
    end = part.Get("end").ToNumber().Int64Value();
    if (begin < 0 || begin > end || end > e.outputs) Fail(env, "part: expected a range of output channels");
  }
  Napi::Float32Array new_weight = Floats(result.Get("weight"), "into.weight");
  Napi::Float32Array new_bias = Floats(result.Get("bias"), "into.bias");
  if (new_weight.ElementLength() != weight.ElementLength() ||
      static_cast<int64_t>(new_bias.ElementLength()) != e.outputs) {
    Fail(env, "into: expected arrays as long as the weight and its outputs");
  }
  fold(e, begin, end, weight.Data(), bias, scale.Data(), shift.Data(), new_weight.Data(), new_bias.Data());
  return result;
}

Napi::Value FoldAfterFunction(const Napi::CallbackInfo& info) { return Fold(info, false, FoldAfter); }
Napi::Value FoldBeforeFunction(const Napi::CallbackInfo& info) { return Fold(info, true, FoldBefore); }

// batchNormToAffine(gamma, beta, mean, variance, epsilon) -> {scale, shift}
Napi::Value BatchNormFunction(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 5) Fail(env, "batchNormToAffine: expected five arguments");
  const Napi::Float32Array gamma = Floats(info[0], "gamma"), beta = Floats(info[1], "beta"),
                           mean = Floats(info[2], "mean"), variance = Floats(info[3], "variance");
  const size_t n = gamma.ElementLength();
  if (beta.ElementLength() != n || mean.ElementLength() != n || variance.ElementLength() != n) {
    Fail(env, "batchNormToAffine: expected four arrays of one length");
  }
  Napi::Float64Array scale = Napi::Float64Array::New(env, n), shift = Napi::Float64Array::New(env, n);
  BatchNormToAffine(static_cast<int64_t>(n), gamma.Data(), beta.Data(), mean.Data(), variance.Data(),
                    info[4].ToNumber().DoubleValue(), scale.Data(), shift.Data());
  Napi::Object result = Napi::Object::New(env);
  result.Set("scale", scale);
  result.Set("shift", shift);
  return result;
}

}  // namespace

void ExportFold(Napi::Env env, Napi::Object exports) {
  exports.Set("foldAfter", Napi::Function::New(env, FoldAfterFunction, "foldAfter"));
  exports.Set("foldBefore", Napi::Function::New(env, FoldBeforeFunction, "foldBefore"));
  exports.Set("batchNormToAffine", Napi::Function::New(env, BatchNormFunction, "batchNormToAffine"));
}

}  // namespace lanewise
