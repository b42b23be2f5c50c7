// JavaScript's typed arrays as elements of a type.
#pragma once
#include <napi.h>

#include <string>

#include "addon/floats.h"
#include "core/element.h"

namespace lanewise {

inline napi_typedarray_type ArrayTypeOf(Element type) {
  switch (type) {
    case Element::kInt64: return napi_bigint64_array;
    case Element::kInt32: return napi_int32_array;
    case Element::kInt8: return napi_int8_array;
    case Element::kUint8:
    case Element::kBool: return napi_uint8_array;
    case Element::kFloat32: break;
  }
  return napi_float32_array;
}

inline const char* ArrayName(Element type) {
  switch (type) {
    case Element::kInt64: return "BigInt64Array";
    case Element::kInt32: return "Int32Array";
    case Element::kInt8: return "Int8Array";
    case Element::kUint8:
    case Element::kBool: return "Uint8Array";
    case Element::kFloat32: break;
  }
  return "Float32Array";
}

inline bool IsArrayOf(const Napi::Value& value, Element type) {
  return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == ArrayTypeOf(type);
}

inline void* DataOfArray(const Napi::TypedArray& array) {
  void* data = nullptr;
  napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, nullptr, nullptr);
  return data;
}

// A new array of zeros, by its constructor: see NewFloats.
inline Napi::TypedArray NewArray(Napi::Env env, Element type, size_t length) {
  if (type == Element::kFloat32) return NewFloats(env, length);
  const Napi::Number count = Napi::Number::New(env, static_cast<double>(length));
  const Napi::Value array = env.Global().Get(ArrayName(type)).As<Napi::Function>().New({count});
  if (!IsArrayOf(array, type)) throw Napi::Error::New(env, std::string(ArrayName(type)) + " has been replaced");
  return array.As<Napi::TypedArray>();
}

}  // namespace lanewise
