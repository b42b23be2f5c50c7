// The classes that JavaScript sees: Plan, Weights (packed constants shared by a model's plans), StopToken.
#pragma once
#include <napi.h>

namespace lanewise {

void ExportPlan(Napi::Env env, Napi::Object exports);

}  // namespace lanewise
