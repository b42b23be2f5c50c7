// Operators on integers and booleans, and those whose indices are computed at run time: plain scalar loops over
// row-major memory, described by a name, the shapes of the operands and two lists of numbers (`lib/graph/plan-spec.ts`
// has the meaning per operator). A description is checked here once, when the plan is built; what only the data can
// tell, such as an index outside its axis, ends the run with a Status.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/builder.h"

namespace lanewise {

struct TypedOperand {
  Element type;
  Shape shape;
  int64_t count;
};

struct TypedCall {
  const TypedSpec& spec;
  std::string where;  // "operator 'node'"
  std::vector<TypedOperand> inputs, outputs;

  // The integer `index` of the description; descriptions are counted before an operator sees them.
  int64_t integer(size_t index) const { return spec.integers[index]; }
  Status Bad(const std::string& message) const { return Status::Invalid(where + ": " + message); }
};

struct TypedMemory {
  static constexpr size_t kMaxInputs = 5, kMaxOutputs = 3;
  const void* inputs[kMaxInputs] = {};
  void* outputs[kMaxOutputs] = {};
  void* scratch = nullptr;

  template <typename T>
  const T* in(size_t i) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <typename T>
  T* out(size_t i = 0) const {
    return static_cast<T*>(outputs[i]);
  }
};

// `run` does the items [begin, end); different threads may do different ranges, in any order.
struct TypedWork {
  int64_t items = 1;
  int64_t scratch_bytes = 0;  // of the whole step, for operators of one item
  std::function<Status(const TypedMemory& memory, int64_t begin, int64_t end)> run;
};

struct TypedOperator {
  size_t min_inputs, max_inputs, outputs;
  int min_integers;
  Status (*prepare)(const TypedCall& call, TypedWork* work);
};
using TypedTable = std::map<std::string, TypedOperator>;

void AddPointwiseOperators(TypedTable* table);
void AddIndexOperators(TypedTable* table);
void AddReduceOperators(TypedTable* table);
void AddQuantizedOperators(TypedTable* table);

// A tensor seen along one axis.
struct AxisView {
  int64_t outer = 1, extent = 1, inner = 1;
};
inline AxisView AlongAxis(const Shape& shape, int64_t axis) {
  AxisView view;
  for (size_t i = 0; i < shape.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    (at < axis ? view.outer : at == axis ? view.extent : view.inner) *= shape[i];
  }
  return view;
}

inline bool IsAxis(int64_t axis, const Shape& shape) { return axis >= 0 && axis < static_cast<int64_t>(shape.size()); }

inline Shape RowMajorStrides(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

// Cuts `count` elements of one output into items.
constexpr int64_t kTypedItem = 16 * 1024;
inline int64_t TypedItems(int64_t count) { return (count + kTypedItem - 1) / kTypedItem; }

// An index as ONNX has it: negative ones count from the end.
inline bool ResolveIndex(int64_t* index, int64_t extent) {
  if (*index < 0) *index += extent;
  return *index >= 0 && *index < extent;
}

}  // namespace lanewise
