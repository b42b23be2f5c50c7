// fmaPeak: what the benches measure everything against.
#pragma once
#include <napi.h>

namespace lanewise {

void ExportProbe(Napi::Env env, Napi::Object exports);

}  // namespace lanewise
