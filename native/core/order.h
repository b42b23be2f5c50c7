// The one condition on a whole plan description, as opposed to those on single steps.
#pragma once
#include "core/plan_spec.h"
#include "core/status.h"

namespace lanewise {

// Every value is a constant, an input, or written by exactly one step, and that before any step reads it. Everything
// that keeps books of values (copies, lifetimes, shares) takes this for granted.
Status CheckOrder(const PlanSpec& spec);

}  // namespace lanewise
