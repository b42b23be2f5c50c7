// foldAfter, foldBefore, batchNormToAffine: the weight algebra of core/fold.h for JavaScript.
#pragma once
#include <napi.h>

namespace lanewise {

void ExportFold(Napi::Env env, Napi::Object exports);

}  // namespace lanewise
