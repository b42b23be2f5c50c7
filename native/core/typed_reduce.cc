// Reductions of integers and booleans, running sums, and the pooling that gives indices.
#include <algorithm>
#include <limits>

#include "core/typed.h"

namespace lanewise {
namespace {

struct Sum {
  template <typename T>
  static T Start() {
    return 0;
  }
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a + b;
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
};
struct Product {
  template <typename T>
  static T Start() {
    return 1;
  }
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) return a * b;
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }
};
struct Smallest {
  template <typename T>
  static T Start() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  template <typename T>
  static T Of(T a, T b) {
    return b < a || b != b ? b : a;
  }
};
struct Largest {
  template <typename T>
  static T Start() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  }
  template <typename T>
  static T Of(T a, T b) {
    return a < b || b != b ? b : a;
  }
};

// The limits of a boolean are those of its values, not of its byte.
template <typename F, typename T>
T StartOf(Element type) {
  const T start = F::template Start<T>();
  return type == Element::kBool && start != 0 ? T{1} : start;
}

// inputs [x], integers: the axes. y has extent 1 along them, or not these axes at all.
template <typename F>
Status PrepareReduce(const TypedCall& call, TypedWork* work) {
  const TypedOperand &x = call.inputs[0], &y = call.outputs[0];
  if (x.type != y.type) return call.Bad("the result has the type of the operand");
  Shape kept = x.shape;
  for (int64_t axis : call.spec.integers) {
    if (!IsAxis(axis, x.shape)) return call.Bad("an axis is outside the tensor");
    kept[static_cast<size_t>(axis)] = 1;
  }
  if (ElementCount(kept) != y.count) return call.Bad("the output has another shape");
  Shape strides = RowMajorStrides(kept);
  for (int64_t axis : call.spec.integers) strides[static_cast<size_t>(axis)] = 0;
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [strides, shape = x.shape, total = x.count, count = y.count, start = StartOf<F, T>(x.type)](
                    const TypedMemory& memory, int64_t, int64_t) {
      T* sums = memory.out<T>();
      std::fill_n(sums, count, start);
      const T* x_data = memory.in<T>(0);
      Shape position(shape.size(), 0);
      int64_t offset = 0;
      for (int64_t i = 0; i < total; ++i) {
        sums[offset] = F::Of(sums[offset], x_data[i]);
        for (size_t axis = shape.size(); axis-- > 0;) {
          offset += strides[axis];
          if (++position[axis] < shape[axis]) break;
          offset -= strides[axis] * shape[axis];
          position[axis] = 0;
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x], integers [axis, exclusive, reverse]
Status PrepareCumulativeSum(const TypedCall& call, TypedWork* work) {
  const TypedOperand& x = call.inputs[0];
  const int64_t axis = call.integer(0);
  if (!IsAxis(axis, x.shape) || call.outputs[0].shape != x.shape || call.outputs[0].type != x.type) {
    return call.Bad("an axis and an output like the input are needed");
  }
  const AxisView view = AlongAxis(x.shape, axis);
  const bool exclusive = call.integer(1) != 0, reverse = call.integer(2) != 0;
  work->items = x.count == 0 ? 0 : view.outer;
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t outer = begin; outer < end; ++outer) {
        for (int64_t inner = 0; inner < view.inner; ++inner) {
          T sum = 0;
          for (int64_t e = 0; e < view.extent; ++e) {
            const int64_t position = reverse ? view.extent - 1 - e : e;
            const int64_t at = (outer * view.extent + position) * view.inner + inner;
            const T next = Sum::Of(sum, memory.in<T>(0)[at]);
            memory.out<T>()[at] = exclusive ? sum : next;
            sum = next;
          }
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x NCHW], outputs [largest, its index], integers [kernel h, w, strides h, w, dilations h, w, top, left,
// column-major]: the index counts elements of all of x, along columns first when column-major.
Status PrepareMaxPool(const TypedCall& call, TypedWork* work) {
  const TypedOperand &x = call.inputs[0], &y = call.outputs[0];
  if (x.shape.size() != 4 || y.shape.size() != 4 || x.shape[0] != y.shape[0] || x.shape[1] != y.shape[1] ||
      y.type != x.type || call.outputs[1].type != Element::kInt64 || call.outputs[1].shape != y.shape) {
    return call.Bad("images are needed");
  }
  const std::vector<int64_t>& n = call.spec.integers;
  constexpr int64_t kLimit = int64_t{1} << 31;
  for (size_t i = 0; i < 8; ++i) {
    if (n[i] < (i < 6 ? 1 : 0) || n[i] > kLimit) return call.Bad("a window of positive extents is needed");
  }
  const int64_t h = x.shape[2], w = x.shape[3], rows = y.shape[2], columns = y.shape[3];
  work->items = rows * columns == 0 ? 0 : y.shape[0] * y.shape[1];
  ForElement(x.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [=](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* x_plane = memory.in<T>(0) + plane * h * w;
        for (int64_t i = 0; i < rows * columns; ++i) {
          T best = Largest::Start<T>();
          int64_t row = -1, column = -1;
          for (int64_t ky = 0; ky < n[0]; ++ky) {
            const int64_t iy = i / columns * n[2] + ky * n[4] - n[6];
            if (iy < 0 || iy >= h) continue;
            for (int64_t kx = 0; kx < n[1]; ++kx) {
              const int64_t ix = i % columns * n[3] + kx * n[5] - n[7];
              if (ix < 0 || ix >= w) continue;
              const T value = x_plane[iy * w + ix];
              if (row >= 0 && !(value > best) && !(value != value && best == best)) continue;
              best = value;
              row = iy;
              column = ix;
            }
          }
          memory.out<T>(0)[plane * rows * columns + i] = best;
          // A window that lies in the padding has no element to name.
          const int64_t index = row < 0 ? 0 : n[8] != 0 ? column * h + row : row * w + column;
          memory.out<int64_t>(1)[plane * rows * columns + i] = plane * h * w + index;
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

template <typename F>
TypedOperator Reduction() {
  return {1, 1, 1, 0, &PrepareReduce<F>};
}

}  // namespace

void AddReduceOperators(TypedTable* table) {
  const TypedTable own = {
      {"reduceSum", Reduction<Sum>()},
      {"reduceProd", Reduction<Product>()},
      {"reduceMin", Reduction<Smallest>()},
      {"reduceMax", Reduction<Largest>()},
      {"cumulativeSum", {1, 1, 1, 3, &PrepareCumulativeSum}},
      {"maxPool", {1, 1, 2, 9, &PrepareMaxPool}},
  };
  table->insert(own.begin(), own.end());
}

}  // namespace lanewise
