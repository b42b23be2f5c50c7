// Operators that read or write where computed indices say, and those that find indices. Over 400 lines: one short loop
// per operator and the table that names them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/typed.h"

namespace lanewise {
namespace {

bool IsIndexType(Element type) { return type == Element::kInt64 || type == Element::kInt32; }

// Indices of either integer type.
struct Indices {
  Element type;
  int64_t At(const void* data, int64_t i) const {
    return type == Element::kInt64 ? static_cast<const int64_t*>(data)[i] : static_cast<const int32_t*>(data)[i];
  }
};

std::string OutsideMessage(const std::string& where, int64_t index, int64_t extent) {
  return where + ": index " + std::to_string(index) + " is outside an axis of " + std::to_string(extent);
}

// The position of linear element `i` of `shape` as an offset by `strides`.
int64_t OffsetOf(int64_t i, const Shape& shape, const Shape& strides) {
  int64_t offset = 0;
  for (size_t axis = shape.size(); axis-- > 0;) {
    offset += i % shape[axis] * strides[axis];
    i /= shape[axis];
  }
  return offset;
}

// inputs [x, indices], integers [axis]
Status PrepareGather(const TypedCall& call, TypedWork* work) {
  const int64_t axis = call.integer(0);
  const TypedOperand& x = call.inputs[0];
  if (!IsAxis(axis, x.shape) || !IsIndexType(call.inputs[1].type) || call.outputs[0].type != x.type) {
    return call.Bad("an axis, integer indices and an output of the input's type are needed");
  }
  const AxisView view = AlongAxis(x.shape, axis);
  const int64_t count = call.inputs[1].count;
  if (view.outer * count * view.inner != call.outputs[0].count)
    return call.Bad("the output has not the gathered shape");
  const size_t bytes = static_cast<size_t>(view.inner * ElementBytes(x.type));
  work->items = view.outer * count == 0 || bytes == 0 ? 0 : view.outer;
  work->run = [=, where = call.where, indices = Indices{call.inputs[1].type}](const TypedMemory& memory, int64_t begin,
                                                                              int64_t end) {
    for (int64_t outer = begin; outer < end; ++outer) {
      for (int64_t i = 0; i < count; ++i) {
        const int64_t given = indices.At(memory.inputs[1], i);
        int64_t index = given;
        if (!ResolveIndex(&index, view.extent)) return Status::Invalid(OutsideMessage(where, given, view.extent));
        std::memcpy(memory.out<char>() + static_cast<size_t>(outer * count + i) * bytes,
                    memory.in<char>(0) + static_cast<size_t>(outer * view.extent + index) * bytes, bytes);
      }
    }
    return Status::Ok();
  };
  return Status::Ok();
}

// The shape of the indices lies inside the shape of the data, but for one axis.
bool IndicesFit(const Shape& indices, const Shape& data, int64_t axis) {
  if (indices.size() != data.size() || !IsAxis(axis, data)) return false;
  for (size_t i = 0; i < data.size(); ++i) {
    if (static_cast<int64_t>(i) != axis && indices[i] > data[i]) return false;
  }
  return true;
}

// inputs [x, indices], integers [axis]: y has the shape of the indices.
Status PrepareGatherElements(const TypedCall& call, TypedWork* work) {
  const int64_t axis = call.integer(0);
  const TypedOperand &x = call.inputs[0], &positions = call.inputs[1];
  if (!IndicesFit(positions.shape, x.shape, axis) || !IsIndexType(positions.type) ||
      call.outputs[0].shape != positions.shape || call.outputs[0].type != x.type) {
    return call.Bad("indices of the data's rank, inside of it along every axis but one, are needed");
  }
  const Shape strides = RowMajorStrides(x.shape);
  Shape others = strides;
  others[static_cast<size_t>(axis)] = 0;
  const int64_t stride = strides[static_cast<size_t>(axis)], extent = x.shape[static_cast<size_t>(axis)];
  const int64_t total = positions.count;
  work->items = TypedItems(total);
  ForBytes(ElementBytes(x.type), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=, where = call.where, shape = positions.shape, indices = Indices{positions.type}](
                    const TypedMemory& memory, int64_t begin, int64_t end) {
      const int64_t last = std::min(total, end * kTypedItem);
      for (int64_t i = begin * kTypedItem; i < last; ++i) {
        const int64_t given = indices.At(memory.inputs[1], i);
        int64_t index = given;
        if (!ResolveIndex(&index, extent)) return Status::Invalid(OutsideMessage(where, given, extent));
        memory.out<T>()[i] = memory.in<T>(0)[OffsetOf(i, shape, others) + index * stride];
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// Index tuples of GatherND and ScatterND: `tuples` of `depth` indices into the axes of `data` from `batch` on; each
// names `inner` consecutive elements.
struct Tuples {
  int64_t tuples = 1, per_batch = 1, depth = 0, batch_elements = 1, inner = 1;
  Shape extents, strides;
  Indices indices;

  static bool Make(const TypedOperand& data, const TypedOperand& indices, int64_t batch, Tuples* made) {
    if (indices.shape.empty() || batch < 0 || !IsIndexType(indices.type)) return false;
    const auto first = static_cast<size_t>(batch);
    const int64_t depth = indices.shape.back();
    if (first >= indices.shape.size() || depth < 0 || depth > static_cast<int64_t>(data.shape.size()) - batch)
      return false;
    for (size_t i = 0; i < first; ++i) {
      if (data.shape[i] != indices.shape[i]) return false;
    }
    for (size_t i = 0; i + 1 < indices.shape.size(); ++i) {
      made->tuples *= indices.shape[i];
      if (i >= first) made->per_batch *= indices.shape[i];
    }
    made->depth = depth;
    made->indices = Indices{indices.type};
    const Shape strides = RowMajorStrides(data.shape);
    for (size_t i = first; i < data.shape.size(); ++i) {
      made->batch_elements *= data.shape[i];
      if (static_cast<int64_t>(i) - batch < depth) {
        made->extents.push_back(data.shape[i]);
        made->strides.push_back(strides[i]);
      } else {
        made->inner *= data.shape[i];
      }
    }
    return true;
  }

  // Where the elements of tuple `t` begin.
  Status Offset(const void* data, int64_t t, const std::string& where, int64_t* offset) const {
    *offset = t / per_batch * batch_elements;
    for (int64_t d = 0; d < depth; ++d) {
      const auto axis = static_cast<size_t>(d);
      const int64_t given = indices.At(data, t * depth + d);
      int64_t index = given;
      if (!ResolveIndex(&index, extents[axis])) return Status::Invalid(OutsideMessage(where, given, extents[axis]));
      *offset += index * strides[axis];
    }
    return Status::Ok();
  }
};

// inputs [x, indices], integers [batch axes]
Status PrepareGatherNd(const TypedCall& call, TypedWork* work) {
  Tuples tuples;
  const TypedOperand& x = call.inputs[0];
  if (!Tuples::Make(x, call.inputs[1], call.integer(0), &tuples) || call.outputs[0].type != x.type ||
      call.outputs[0].count != tuples.tuples * tuples.inner) {
    return call.Bad("the shapes of data, indices and output do not fit together");
  }
  const auto bytes = static_cast<size_t>(tuples.inner * ElementBytes(x.type));
  const size_t element = static_cast<size_t>(ElementBytes(x.type));
  work->items = bytes == 0 ? 0 : tuples.tuples;
  work->run = [=, where = call.where](const TypedMemory& memory, int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      int64_t offset = 0;
      LANEWISE_RETURN_IF_ERROR(tuples.Offset(memory.inputs[1], t, where, &offset));
      std::memcpy(memory.out<char>() + static_cast<size_t>(t) * bytes,
                  memory.in<char>(0) + static_cast<size_t>(offset) * element, bytes);
    }
    return Status::Ok();
  };
  return Status::Ok();
}

// What a scatter does with the element that is there: the order of the operator's attribute in typed.ts.
enum class Combine { kReplace, kAdd, kMul, kMin, kMax };
constexpr int64_t kCombines = 5;

template <typename T>
T Combined(Combine combine, T old, T update) {
  switch (combine) {
    case Combine::kAdd:
      if constexpr (std::is_floating_point_v<T>) return old + update;
      return static_cast<T>(static_cast<uint64_t>(old) + static_cast<uint64_t>(update));
    case Combine::kMul:
      if constexpr (std::is_floating_point_v<T>) return old * update;
      return static_cast<T>(static_cast<uint64_t>(old) * static_cast<uint64_t>(update));
    case Combine::kMin: return update < old || update != update ? update : old;
    case Combine::kMax: return old < update || update != update ? update : old;
    case Combine::kReplace: break;
  }
  return update;
}

Status CheckScatter(const TypedCall& call, size_t reduction) {
  const Element type = call.inputs[0].type;
  const bool fits = call.outputs[0].type == type && call.inputs[2].type == type &&
                    call.outputs[0].shape == call.inputs[0].shape && call.integer(reduction) >= 0 &&
                    call.integer(reduction) < kCombines;
  return fits ? Status::Ok() : call.Bad("data, updates and output of one type are needed");
}

// inputs [x, indices, updates], integers [axis, reduction]
Status PrepareScatterElements(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckScatter(call, 1));
  const int64_t axis = call.integer(0);
  const TypedOperand &x = call.inputs[0], &positions = call.inputs[1];
  if (!IndicesFit(positions.shape, x.shape, axis) || !IsIndexType(positions.type) ||
      call.inputs[2].shape != positions.shape) {
    return call.Bad("indices and updates of one shape, inside the data along every axis but one, are needed");
  }
  const Shape strides = RowMajorStrides(x.shape);
  Shape others = strides;
  others[static_cast<size_t>(axis)] = 0;
  const int64_t stride = strides[static_cast<size_t>(axis)], extent = x.shape[static_cast<size_t>(axis)];
  const auto combine = static_cast<Combine>(call.integer(1));
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=, where = call.where, count = x.count, shape = positions.shape, total = positions.count,
                 indices = Indices{positions.type}](const TypedMemory& memory, int64_t, int64_t) {
      T* y = memory.out<T>();
      std::copy_n(memory.in<T>(0), count, y);
      for (int64_t i = 0; i < total; ++i) {
        const int64_t given = indices.At(memory.inputs[1], i);
        int64_t index = given;
        if (!ResolveIndex(&index, extent)) return Status::Invalid(OutsideMessage(where, given, extent));
        T& target = y[OffsetOf(i, shape, others) + index * stride];
        target = Combined(combine, target, memory.in<T>(2)[i]);
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x, indices, updates], integers [reduction]
Status PrepareScatterNd(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckScatter(call, 0));
  Tuples tuples;
  const TypedOperand& x = call.inputs[0];
  if (!Tuples::Make(x, call.inputs[1], 0, &tuples) || call.inputs[2].count != tuples.tuples * tuples.inner) {
    return call.Bad("the shapes of data, indices and updates do not fit together");
  }
  const auto combine = static_cast<Combine>(call.integer(0));
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=, where = call.where, count = x.count](const TypedMemory& memory, int64_t, int64_t) {
      T* y = memory.out<T>();
      std::copy_n(memory.in<T>(0), count, y);
      for (int64_t t = 0; t < tuples.tuples; ++t) {
        int64_t offset = 0;
        LANEWISE_RETURN_IF_ERROR(tuples.Offset(memory.inputs[1], t, where, &offset));
        for (int64_t i = 0; i < tuples.inner; ++i) {
          T& target = y[offset + i];
          target = Combined(combine, target, memory.in<T>(2)[t * tuples.inner + i]);
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [indices of any type, values [off, on]], integers [axis of y]: an index outside the depth makes a row of offs.
Status PrepareOneHot(const TypedCall& call, TypedWork* work) {
  const TypedOperand &indices = call.inputs[0], &y = call.outputs[0];
  const int64_t axis = call.integer(0);
  if (!IsAxis(axis, y.shape) || call.inputs[1].count != 2 || call.inputs[1].type != y.type) {
    return call.Bad("two values of the output's type and one of its axes are needed");
  }
  const AxisView view = AlongAxis(y.shape, axis);
  if (view.outer * view.inner != indices.count) return call.Bad("one index per row of the output is needed");
  work->items = y.count == 0 ? 0 : view.outer;
  ForElement(indices.type, [&](auto index_tag) {
    ForBytes(ElementBytes(y.type), [&](auto tag) {
      using I = typename decltype(index_tag)::Type;
      using T = typename decltype(tag)::Type;
      work->run = [view](const TypedMemory& memory, int64_t begin, int64_t end) {
        const T off = memory.in<T>(1)[0], on = memory.in<T>(1)[1];
        for (int64_t outer = begin; outer < end; ++outer) {
          T* row = memory.out<T>() + outer * view.extent * view.inner;
          std::fill(row, row + view.extent * view.inner, off);
          for (int64_t i = 0; i < view.inner; ++i) {
            const auto given = static_cast<double>(memory.in<I>(0)[outer * view.inner + i]);
            const double index = given < 0 ? given + static_cast<double>(view.extent) : given;
            if (index >= 0 && index < static_cast<double>(view.extent))
              row[static_cast<int64_t>(index) * view.inner + i] = on;
          }
        }
        return Status::Ok();
      };
    });
  });
  return Status::Ok();
}

// Largest or smallest: NaN wins either way, as in NumPy.
template <typename T>
bool Before(T a, T b, bool largest) {
  if (a != a || b != b) return a != a && b == b;
  return largest ? a > b : a < b;
}

// y the index of the extreme, integers [axis, largest, last of equals]
Status PrepareArg(const TypedCall& call, TypedWork* work) {
  const int64_t axis = call.integer(0);
  const TypedOperand& x = call.inputs[0];
  if (!IsAxis(axis, x.shape) || call.outputs[0].type != Element::kInt64) return call.Bad("an axis is needed");
  const AxisView view = AlongAxis(x.shape, axis);
  if (view.outer * view.inner != call.outputs[0].count) return call.Bad("the output has another shape");
  if (view.extent == 0 && call.outputs[0].count > 0) return call.Bad("the axis is empty");
  const bool largest = call.integer(1) != 0, last = call.integer(2) != 0;
  work->items = view.inner == 0 ? 0 : view.outer;
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t outer = begin; outer < end; ++outer) {
        for (int64_t i = 0; i < view.inner; ++i) {
          const T* row = memory.in<T>(0) + outer * view.extent * view.inner + i;
          int64_t best = 0;
          for (int64_t e = 1; e < view.extent; ++e) {
            const T a = row[e * view.inner], b = row[best * view.inner];
            if (Before(a, b, largest) || (last && !Before(b, a, largest))) best = e;
          }
          memory.out<int64_t>()[outer * view.inner + i] = best;
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// outputs [values, indices], integers [axis, largest]: sorted, equals by ascending index.
Status PrepareTopK(const TypedCall& call, TypedWork* work) {
  const int64_t axis = call.integer(0);
  const TypedOperand &x = call.inputs[0], &values = call.outputs[0], &indices = call.outputs[1];
  if (!IsAxis(axis, x.shape) || values.shape.size() != x.shape.size() || values.type != x.type ||
      indices.type != Element::kInt64 || indices.shape != values.shape) {
    return call.Bad("an axis and outputs of the input's rank are needed");
  }
  const AxisView view = AlongAxis(x.shape, axis);
  const int64_t k = values.shape[static_cast<size_t>(axis)];
  if (view.outer * k * view.inner != values.count || k > view.extent) return call.Bad("more is wanted than there is");
  const bool largest = call.integer(1) != 0;
  work->items = values.count == 0 ? 0 : 1;
  work->scratch_bytes = view.extent * static_cast<int64_t>(sizeof(int64_t));
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=](const TypedMemory& memory, int64_t, int64_t) {
      auto* order = static_cast<int64_t*>(memory.scratch);
      for (int64_t row = 0; row < view.outer * view.inner; ++row) {
        const int64_t outer = row / view.inner, inner = row % view.inner;
        const T* x_row = memory.in<T>(0) + outer * view.extent * view.inner + inner;
        for (int64_t i = 0; i < view.extent; ++i) order[i] = i;
        std::partial_sort(order, order + k, order + view.extent, [&](int64_t a, int64_t b) {
          const T x_a = x_row[a * view.inner], x_b = x_row[b * view.inner];
          if (Before(x_a, x_b, largest)) return true;
          return !Before(x_b, x_a, largest) && a < b;
        });
        for (int64_t i = 0; i < k; ++i) {
          const int64_t at = (outer * k + i) * view.inner + inner;
          memory.out<T>(0)[at] = x_row[order[i] * view.inner];
          memory.out<int64_t>(1)[at] = order[i];
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x, fill (one element)], integers: for each axis how many positions follow, and these positions of x, -1 for
// the fill: y[i, j, ...] = x[p0[i], p1[j], ...]. Padding, static gathers and nearest resizing of integers.
Status PrepareTake(const TypedCall& call, TypedWork* work) {
  const TypedOperand &x = call.inputs[0], &y = call.outputs[0];
  const std::vector<int64_t>& given = call.spec.integers;
  if (x.shape.size() != y.shape.size() || y.type != x.type || call.inputs[1].type != x.type ||
      call.inputs[1].count != 1)
    return call.Bad("operands of one type and rank are needed");
  std::vector<std::vector<int64_t>> positions;
  size_t next = 0;
  for (size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (next >= given.size() || given[next] != y.shape[axis] ||
        static_cast<size_t>(given[next]) > given.size() - next - 1) {
      return call.Bad("one position per element of an axis is needed");
    }
    const auto first = given.begin() + static_cast<ptrdiff_t>(next) + 1;
    positions.emplace_back(first, first + y.shape[axis]);
    for (int64_t p : positions.back()) {
      if (p < -1 || p >= x.shape[axis]) return call.Bad("a position is outside its axis");
    }
    next += static_cast<size_t>(given[next]) + 1;
  }
  work->items = TypedItems(y.count);
  ForBytes(ElementBytes(x.type), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=, total = y.count, shape = y.shape, strides = RowMajorStrides(x.shape)](const TypedMemory& memory,
                                                                                          int64_t begin, int64_t end) {
      const int64_t last = std::min(total, end * kTypedItem);
      for (int64_t i = begin * kTypedItem; i < last; ++i) {
        int64_t offset = 0, rest = i;
        bool fill = false;
        for (size_t axis = shape.size(); axis-- > 0;) {
          const int64_t p = positions[axis][static_cast<size_t>(rest % shape[axis])];
          rest /= shape[axis];
          fill = fill || p < 0;
          offset += p * strides[axis];
        }
        memory.out<T>()[i] = fill ? *memory.in<T>(1) : memory.in<T>(0)[offset];
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x], integers [upper, k]: what is below (above) diagonal k of the last two axes becomes zero.
Status PrepareTriangle(const TypedCall& call, TypedWork* work) {
  const TypedOperand& x = call.inputs[0];
  const size_t rank = x.shape.size();
  if (rank < 2 || call.outputs[0].shape != x.shape || call.outputs[0].type != x.type)
    return call.Bad("matrices are needed");
  const int64_t rows = x.shape[rank - 2], columns = x.shape[rank - 1];
  const bool upper = call.integer(0) != 0;
  // Beyond the matrix all diagonals are alike.
  const int64_t k = std::min(std::max(call.integer(1), -rows - 1), columns + 1);
  work->items = columns == 0 ? 0 : x.count / columns;
  ForBytes(ElementBytes(x.type), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t diagonal = item % rows + k;
        for (int64_t c = 0; c < columns; ++c) {
          const bool kept = upper ? c >= diagonal : c <= diagonal;
          memory.out<T>()[item * columns + c] = kept ? memory.in<T>(0)[item * columns + c] : T{0};
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

}  // namespace

void AddIndexOperators(TypedTable* table) {
  const TypedTable own = {
      {"gather", {2, 2, 1, 1, &PrepareGather}},
      {"gatherElements", {2, 2, 1, 1, &PrepareGatherElements}},
      {"gatherNd", {2, 2, 1, 1, &PrepareGatherNd}},
      {"scatterElements", {3, 3, 1, 2, &PrepareScatterElements}},
      {"scatterNd", {3, 3, 1, 1, &PrepareScatterNd}},
      {"oneHot", {2, 2, 1, 1, &PrepareOneHot}},
      {"arg", {1, 1, 1, 3, &PrepareArg}},
      {"topK", {1, 1, 2, 2, &PrepareTopK}},
      {"take", {2, 2, 1, 0, &PrepareTake}},
      {"triangle", {1, 1, 1, 2, &PrepareTriangle}},
  };
  table->insert(own.begin(), own.end());
}

}  // namespace lanewise
