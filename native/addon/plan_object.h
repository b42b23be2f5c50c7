// Two classes that JavaScript sees: Plan, and Weights (packed constants shared by a model's plans).
#pragma once
#include <napi.h>

#include <memory>

#include "core/plan.h"

namespace lanewise {

void ExportPlan(Napi::Env env, Napi::Object exports);
// A Plan object around a plan that exists.
Napi::Object WrapPlan(Napi::Env env, std::shared_ptr<Plan> plan);

}  // namespace lanewise
