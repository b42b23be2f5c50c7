// `StopToken` of JavaScript: what it was given to is asked to end soon, on whatever thread it is.
#pragma once
#include <napi.h>

#include <atomic>
#include <memory>

namespace lanewise {

void ExportStopToken(Napi::Env env, Napi::Object exports);

// The flag of the token that is argument `i`; one that nobody raises where it is not a token.
std::shared_ptr<std::atomic<bool>> StopFlag(const Napi::CallbackInfo& info, size_t i);

}  // namespace lanewise
