// The addon with allocations that fail when it is told so, and with the sum of what it tells V8: build/tests/failing,
// for test/runtime/.
#include <dlfcn.h>
#include <napi.h>

#include <atomic>

#include "../failing_allocation.h"

static std::atomic<int64_t> reported{0};

// Instead of Node's, which is asked too: V8 tells nobody its count alone.
napi_status NAPI_CDECL napi_adjust_external_memory(node_api_basic_env env, int64_t change, int64_t* total) {
  static const auto real =
      reinterpret_cast<decltype(&napi_adjust_external_memory)>(dlsym(RTLD_DEFAULT, "napi_adjust_external_memory"));
  reported += change;
  return real(env, change, total);
}

namespace lanewise {

// failAllocation(n, all): the n-th request from now on is refused, or all from it on; 0 refuses none.
// -> how many there were since the last call
static void ExportFailingAllocation(Napi::Env env, Napi::Object exports) {
  const auto fail = [](const Napi::CallbackInfo& info) -> Napi::Value {
    const size_t seen = test::RequestsSeen();
    const auto n = static_cast<size_t>(info[0].As<Napi::Number>().Int64Value());
    test::FailAllocation(n, info[1].ToBoolean() ? test::Refuse::kAllFrom : test::Refuse::kOne);
    return Napi::Number::New(info.Env(), static_cast<double>(seen));
  };
  const auto bytes = [](const Napi::CallbackInfo& info) -> Napi::Value {
    return Napi::Number::New(info.Env(), static_cast<double>(reported));
  };
  exports.Set("reportedBytes", Napi::Function::New(env, bytes, "reportedBytes"));
  exports.Set("failAllocation", Napi::Function::New(env, fail, "failAllocation"));
}

}  // namespace lanewise

#define LANEWISE_TEST_EXPORTS ExportFailingAllocation
#include "addon/addon.cc"
