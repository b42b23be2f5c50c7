// From Status to a JavaScript error. The facade turns the `code` into its own error classes.
#pragma once
#include <napi.h>

#include "core/status.h"

namespace lanewise {

const char* CodeName(Code code);
// An Error with `code`; to be thrown or to reject a promise with.
Napi::Error ToError(Napi::Env env, const Status& status);
inline void ThrowIfError(Napi::Env env, const Status& status) {
  if (!status.ok()) throw ToError(env, status);
}

}  // namespace lanewise
