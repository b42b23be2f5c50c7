#include "core/order.h"

#include <string>

#include "core/builder.h"

namespace lanewise {

Status CheckOrder(const PlanSpec& spec) {
  std::vector<bool> known(spec.values.size(), false);
  for (size_t v = 0; v < known.size(); ++v) known[v] = spec.values[v].data != nullptr;
  const auto name = [&](int v) { return "value '" + spec.values[static_cast<size_t>(v)].name + "'"; };
  const auto define = [&](int v) {
    if (known[static_cast<size_t>(v)]) return Status::Invalid(name(v) + " is defined twice");
    known[static_cast<size_t>(v)] = true;
    return Status::Ok();
  };
  for (const PortSpec& port : spec.inputs) LANEWISE_RETURN_IF_ERROR(define(port.value));
  for (const StepSpec& step : spec.steps) {
    for (int v : ReadValues(step)) {
      if (!known[static_cast<size_t>(v)]) {
        return Status::Invalid(step.op + " '" + step.name + "': " + name(v) + " is read before it is written");
      }
    }
    for (int v : step.outputs) LANEWISE_RETURN_IF_ERROR(define(v));
  }
  for (const PortSpec& port : spec.outputs) {
    if (!known[static_cast<size_t>(port.value)]) return Status::Invalid(name(port.value) + " is never written");
  }
  return Status::Ok();
}

}  // namespace lanewise
