// `freed()` of JavaScript: a promise for when everything that was disposed of before has been given back to the system.
#pragma once
#include <napi.h>

namespace lanewise {

void ExportFreed(Napi::Env env, Napi::Object exports);

}  // namespace lanewise
