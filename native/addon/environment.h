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

}  // namespace lanewise
