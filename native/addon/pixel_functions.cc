#include "addon/pixel_functions.h"

#include <initializer_list>

#include "addon/errors.h"
#include "core/pixels.h"

namespace lanewise {
namespace {

int64_t Integer(const Napi::Object& spec, const char* name) { return spec.Get(name).ToNumber().Int64Value(); }

// convertPixels(Uint8Array, spec, Float32Array): fills the last. The facade has checked everything that a caller can
// get wrong; what would reach beyond the arrays is checked here once more.
void ConvertFunction(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto is = [&](size_t i, napi_typedarray_type type) {
    return info[i].IsTypedArray() && info[i].As<Napi::TypedArray>().TypedArrayType() == type;
  };
  if (info.Length() < 3 || !is(0, napi_uint8_array) || !info[1].IsObject() || !is(2, napi_float32_array)) {
    throw Napi::TypeError::New(env, "convertPixels: expected a Uint8Array, an object and a Float32Array");
  }
  const auto pixels = info[0].As<Napi::Uint8Array>();
  const auto object = info[1].As<Napi::Object>();
  auto out = info[2].As<Napi::Float32Array>();
  PixelsSpec s{};
  s.width = Integer(object, "width");
  s.height = Integer(object, "height");
  s.channels = Integer(object, "channels");
  s.scaled_width = Integer(object, "scaledWidth");
  s.scaled_height = Integer(object, "scaledHeight");
  s.out_width = Integer(object, "outWidth");
  s.out_height = Integer(object, "outHeight");
  s.left = Integer(object, "left");
  s.top = Integer(object, "top");
  s.fill = object.Get("fill").ToNumber().FloatValue();
  s.channels_last = object.Get("channelsLast").ToBoolean();
  const auto order = object.Get("order").As<Napi::Array>(), scale = object.Get("scale").As<Napi::Array>(),
             shift = object.Get("shift").As<Napi::Array>();
  s.out_channels = order.Length();
  const auto small = [](int64_t extent) { return extent >= 1 && extent < (int64_t{1} << 31); };
  bool fits = s.out_channels >= 1 && s.out_channels <= 4 && s.channels >= 1 && s.channels <= 4;
  for (const int64_t extent : {s.width, s.height, s.scaled_width, s.scaled_height, s.out_width, s.out_height}) {
    fits = fits && small(extent);
  }
  for (const int64_t offset : {s.left, s.top}) fits = fits && small(offset < 0 ? -offset : offset + 1);
  fits = fits && s.width * s.height <= (int64_t{1} << 40) && s.out_width * s.out_height <= (int64_t{1} << 40) &&
         s.width * s.height * s.channels == static_cast<int64_t>(pixels.ElementLength()) &&
         s.out_width * s.out_height * s.out_channels == static_cast<int64_t>(out.ElementLength());
  for (uint32_t c = 0; fits && c < static_cast<uint32_t>(s.out_channels); ++c) {
    s.order[c] = order.Get(c).ToNumber().Int64Value();
    s.scale[c] = scale.Get(c).ToNumber().FloatValue();
    s.shift[c] = shift.Get(c).ToNumber().FloatValue();
    fits = s.order[c] >= 0 && s.order[c] < s.channels;
  }
  if (!fits) throw Napi::RangeError::New(env, "convertPixels: the arrays do not fit the extents");
  ThrowIfError(env, ConvertPixels(s, pixels.Data(), out.Data()));
}

}  // namespace

void ExportPixels(Napi::Env env, Napi::Object exports) {
  exports.Set("convertPixels", Napi::Function::New(env, ConvertFunction, "convertPixels"));
}

}  // namespace lanewise
