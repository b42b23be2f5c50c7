// Module initialisation: once per JavaScript environment.
#include <napi.h>

#include "addon/environment.h"
#include "addon/errors.h"
#include "addon/fold_functions.h"
#include "addon/freed_function.h"
#include "addon/pixel_functions.h"
#include "addon/plan_object.h"
#include "addon/probe.h"
#include "addon/stop_token.h"
#include "addon/weight_file_object.h"
#include "core/self_check.h"
#include "core/threads.h"
#include "cpu/dispatch.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

Napi::Array Names(Napi::Env env, const std::vector<std::string>& names) {
  Napi::Array array = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) array.Set(static_cast<uint32_t>(i), names[i]);
  return array;
}

// cpuInfo() -> {detected, built, active, lanes, threads, caches}
Napi::Value CpuInfo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const KernelTable* kernels = nullptr;
  ThrowIfError(env, ActiveKernels(&kernels));
  Napi::Object result = Napi::Object::New(env);
  result.Set("detected", Names(env, SupportedIsas()));
  result.Set("built", Names(env, BuiltIsas()));
  result.Set("active", kernels->isa);
  result.Set("lanes", kernels->lanes);
  result.Set("threads", ThreadPool::Instance().threads());
  Napi::Object caches = Napi::Object::New(env);
  caches.Set("l1Bytes", static_cast<double>(Caches().l1_bytes));
  caches.Set("l2Bytes", static_cast<double>(Caches().l2_bytes));
  caches.Set("l3Bytes", static_cast<double>(Caches().l3_bytes));
  result.Set("caches", caches);
  return result;
}

// setThreads(n): 0 for the default
void SetThreads(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "setThreads: expected a number");
  ThreadPool::Instance().SetThreads(info[0].As<Napi::Number>().Int32Value());
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  if (const char* error = ThreadPool::Instance().environment_error()) throw Napi::RangeError::New(env, error);
  if (const std::string& error = SelfCheckFromEnvironment().error; !error.empty()) {
    throw Napi::RangeError::New(env, error);
  }
  auto* data = new EnvironmentData;
  env.SetInstanceData(data);
  data->float32_array = Napi::Persistent(env.Global().Get("Float32Array").As<Napi::Function>());
  data->completions = CompletionPort::Create(env);
  ExportPlan(env, exports);
  ExportStopToken(env, exports);
  ExportFold(env, exports);
  ExportWeightFile(env, exports);
  ExportFreed(env, exports);
  ExportPixels(env, exports);
  ExportProbe(env, exports);
  exports.Set("cpuInfo", Napi::Function::New(env, CpuInfo, "cpuInfo"));
  exports.Set("setThreads", Napi::Function::New(env, SetThreads, "setThreads"));
#if defined(LANEWISE_TEST_EXPORTS)
  LANEWISE_TEST_EXPORTS(env, exports);  // test/native/addon/
#endif
  return exports;
}

NODE_API_MODULE(lanewise, Init)

}  // namespace
}  // namespace lanewise
