// What V8 is told of native memory that an object of JavaScript keeps: knowing of it, it collects such objects in time.
#pragma once
#include <napi.h>

#include <cstdint>

#include "core/builder.h"

namespace lanewise {

// The JavaScript thread alone may call; whoever owns it ends it with Close.
class ExternalMemory {
 public:
  explicit ExternalMemory(napi_env env) : env_(env) {}
  void Set(size_t bytes) {
    const auto wanted = static_cast<int64_t>(bytes);
    if (env_ == nullptr || wanted == reported_) return;
    int64_t total = 0;
    napi_adjust_external_memory(env_, wanted - reported_, &total);
    reported_ = wanted;
  }
  // Nothing is kept any more, and nothing is told after this.
  void Close() {
    Set(0);
    env_ = nullptr;
  }

 private:
  napi_env env_;
  int64_t reported_ = 0;
};

// Packed constants that several plans share. Builds under way keep it, and may be the last to let go of it on a thread
// that must not speak to V8: hence Close.
struct SharedWeights {
  explicit SharedWeights(napi_env env) : memory(env) {}
  void Report() { memory.Set(packs.bytes()); }

  PackCache packs;
  ExternalMemory memory;
};

}  // namespace lanewise
