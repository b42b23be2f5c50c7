// Reads the plan description of lib/graph/plan-spec.ts. Everything is checked: indices, arity, shapes, lengths.
#pragma once
#include <napi.h>

#include "core/plan_spec.h"

namespace lanewise {

// Constants point into the JavaScript arrays: valid while nothing moves or frees those. Throws Napi::Error.
PlanSpec ReadPlanSpec(const Napi::Object& object);

}  // namespace lanewise
