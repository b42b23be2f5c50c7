// Arrays that the addon makes.
#pragma once
#include <napi.h>

#include "addon/environment.h"

namespace lanewise {

// A Float32Array of zeros, by its constructor, which throws a RangeError when there is no memory: the functions of
// Node-API for this end the process.
inline Napi::Float32Array NewFloats(Napi::Env env, size_t length) {
  const Napi::Number count = Napi::Number::New(env, static_cast<double>(length));
  return DataOf(env).float32_array.New({count}).As<Napi::Float32Array>();
}

}  // namespace lanewise
