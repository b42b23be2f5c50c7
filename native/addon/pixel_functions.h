// convertPixels: core/pixels.h for JavaScript.
#pragma once
#include <napi.h>

namespace lanewise {

void ExportPixels(Napi::Env env, Napi::Object exports);

}  // namespace lanewise
