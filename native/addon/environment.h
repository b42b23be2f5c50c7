// What one JavaScript environment (the main thread or a worker) owns. Nothing here is shared between environments.
#pragma once
#include <napi.h>

#include <memory>

#include "addon/executor.h"

namespace lanewise {

struct EnvironmentData {
  Napi::FunctionReference plan_constructor, weights_constructor, stop_constructor, weight_file_constructor;
  Napi::FunctionReference float32_array;  // the constructor of JavaScript, as it was when the addon was loaded
  std::shared_ptr<CompletionPort> completions;
};

inline EnvironmentData& DataOf(Napi::Env env) { return *env.GetInstanceData<EnvironmentData>(); }

// What a value wraps that `constructor` made; null for any other value.
template <typename Wrapped>
Wrapped* UnwrapAs(const Napi::Value& value, const Napi::FunctionReference& constructor) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor.Value())) return nullptr;
  return Napi::ObjectWrap<Wrapped>::Unwrap(value.As<Napi::Object>());
}

}  // namespace lanewise
