// Element by element, with broadcasting: comparisons, logic, integer arithmetic, casts, choices.
// Over 400 lines: one short functor per operator and the table that names them.
#include <array>
#include <cmath>
#include <limits>

#include "core/typed.h"

namespace lanewise {
namespace {

// Offsets of up to three operands along the elements of an output, run by run of its last axis.
class Broadcast {
 public:
  static Status Make(const TypedCall& call, Broadcast* made) {
    const Shape& shape = call.outputs[0].shape;
    made->total_ = call.outputs[0].count;
    for (size_t k = 0; k < call.inputs.size(); ++k) {
      const Shape& operand = call.inputs[k].shape;
      if (operand.size() > shape.size()) return call.Bad("an operand has more axes than the output");
      const size_t added = shape.size() - operand.size();
      const Shape strides = RowMajorStrides(operand);
      auto& own = made->strides_[k];
      own.assign(shape.size(), 0);
      for (size_t i = 0; i < operand.size(); ++i) {
        if (operand[i] != 1 && operand[i] != shape[added + i])
          return call.Bad("the shapes of the operands do not broadcast");
        if (operand[i] != 1) own[added + i] = strides[i];
      }
    }
    made->operands_ = call.inputs.size();
    // Axes that all operands walk alike become one.
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 1) continue;
      bool joins = !made->extents_.empty();
      for (size_t k = 0; k < made->operands_ && joins; ++k) {
        joins = made->merged_[k].back() == made->strides_[k][i] * shape[i];
      }
      if (joins) {
        made->extents_.back() *= shape[i];
      } else {
        made->extents_.push_back(shape[i]);
      }
      for (size_t k = 0; k < made->operands_; ++k) {
        if (joins)
          made->merged_[k].back() = made->strides_[k][i];
        else
          made->merged_[k].push_back(made->strides_[k][i]);
      }
    }
    if (made->extents_.empty()) {
      made->extents_.push_back(1);
      for (size_t k = 0; k < made->operands_; ++k) made->merged_[k].push_back(0);
    }
    return Status::Ok();
  }

  int64_t items() const { return TypedItems(total_); }
  int64_t step(size_t operand) const { return merged_[operand].back(); }

  // f(first output element, count, first element of each operand)
  template <typename F>
  void ForEachRun(int64_t first_item, int64_t last_item, const F& f) const {
    const int64_t inner = extents_.back();
    int64_t begin = first_item * kTypedItem;
    const int64_t end = std::min(total_, last_item * kTypedItem);
    while (begin < end) {
      const int64_t column = begin % inner;
      int64_t row = begin / inner;
      std::array<int64_t, 3> offsets{};
      for (size_t k = 0; k < operands_; ++k) offsets[k] = column * merged_[k].back();
      for (size_t i = extents_.size() - 1; i-- > 0;) {
        const int64_t position = row % extents_[i];
        row /= extents_[i];
        for (size_t k = 0; k < operands_; ++k) offsets[k] += position * merged_[k][i];
      }
      const int64_t count = std::min(inner - column, end - begin);
      f(begin, count, offsets);
      begin += count;
    }
  }

 private:
  int64_t total_ = 0;
  size_t operands_ = 0;
  Shape extents_;
  std::array<Shape, 3> strides_, merged_;
};

// Arithmetic on integers wraps around, like NumPy's; unsigned types make that defined.
template <typename T, typename F>
T Wrapping(T a, T b, const F& f) {
  if constexpr (std::is_floating_point_v<T>) {
    return f(a, b);
  } else {
    return static_cast<T>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
  }
}

struct Add {
  template <typename T>
  static T Of(T a, T b) {
    return Wrapping(a, b, [](auto x, auto y) { return x + y; });
  }
};
struct Sub {
  template <typename T>
  static T Of(T a, T b) {
    return Wrapping(a, b, [](auto x, auto y) { return x - y; });
  }
};
struct Mul {
  template <typename T>
  static T Of(T a, T b) {
    return Wrapping(a, b, [](auto x, auto y) { return x * y; });
  }
};
// Divisors are checked before; -1 apart because the smallest integer has no opposite.
struct Div {
  static constexpr bool kDivides = true;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
      if (b == -1) return Sub::Of(T{0}, a);
    }
    return static_cast<T>(a / b);
  }
};
// The sign of the divisor.
struct Mod {
  static constexpr bool kDivides = true;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      const T r = std::fmod(a, b);
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
        const T r = static_cast<T>(a % b);
        return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
      }
      return static_cast<T>(a % b);
    }
  }
};
// The sign of the dividend, as in C.
struct Fmod {
  static constexpr bool kDivides = true;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
      }
      return static_cast<T>(a % b);
    }
  }
};
struct Min {
  template <typename T>
  static T Of(T a, T b) {
    return b < a || b != b ? b : a;
  }
};
struct Max {
  template <typename T>
  static T Of(T a, T b) {
    return a < b || b != b ? b : a;
  }
};
struct BitAnd {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(a & b);
    return a;
  }
};
struct BitOr {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(a | b);
    return a;
  }
};
struct BitXor {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(a ^ b);
    return a;
  }
};
// A shift by the width or more leaves nothing.
struct ShiftLeft {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      const uint64_t by = static_cast<std::make_unsigned_t<T>>(b);
      return by >= sizeof(T) * 8 ? T{0} : static_cast<T>(static_cast<uint64_t>(a) << by);
    }
    return a;
  }
};
struct ShiftRight {
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      const uint64_t by = static_cast<std::make_unsigned_t<T>>(b);
      return by >= sizeof(T) * 8 ? T{0} : static_cast<T>(a >> by);
    }
    return a;
  }
};
struct Equal {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return a == b;
  }
};
struct Less {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return a < b;
  }
};
struct LessOrEqual {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return a <= b;
  }
};
struct And {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return a != 0 && b != 0;
  }
};
struct Or {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return a != 0 || b != 0;
  }
};
struct Xor {
  template <typename T>
  static uint8_t Of(T a, T b) {
    return (a != 0) != (b != 0);
  }
};

template <typename F, typename = void>
struct Divides : std::false_type {};
template <typename F>
struct Divides<F, std::void_t<decltype(F::kDivides)>> : std::true_type {};

// y = F(a, b); kPredicate: y is boolean whatever a and b are.
template <typename F, bool kPredicate>
Status PrepareBinary(const TypedCall& call, TypedWork* work) {
  const Element type = call.inputs[0].type;
  const bool same = call.inputs[1].type == type;
  const bool fits = kPredicate ? call.outputs[0].type == Element::kBool : call.outputs[0].type == type;
  if (!same || !fits) return call.Bad("the operands have different element types");
  Broadcast broadcast;
  LANEWISE_RETURN_IF_ERROR(Broadcast::Make(call, &broadcast));
  work->items = broadcast.items();
  ForElement(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    using R = decltype(F::template Of<T>(T{}, T{}));
    work->run = [broadcast, where = call.where](const TypedMemory& memory, int64_t begin, int64_t end) {
      bool zero = false;
      broadcast.ForEachRun(begin, end, [&](int64_t first, int64_t count, const std::array<int64_t, 3>& at) {
        const T* a = memory.in<T>(0) + at[0];
        const T* b = memory.in<T>(1) + at[1];
        R* y = memory.out<R>() + first;
        const int64_t step_a = broadcast.step(0), step_b = broadcast.step(1);
        for (int64_t i = 0; i < count; ++i) {
          const T divisor = b[i * step_b];
          if constexpr (Divides<F>::value && std::is_integral_v<T>) {
            if (divisor == 0) {
              zero = true;
              y[i] = 0;
              continue;
            }
          }
          y[i] = F::Of(a[i * step_a], divisor);
        }
      });
      return zero ? Status::Invalid(where + ": integer division by zero") : Status::Ok();
    };
  });
  return Status::Ok();
}

template <typename T>
T IntegerPower(T base, uint64_t exponent) {
  T result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result = Mul::Of(result, base);
    base = Mul::Of(base, base);
  }
  return result;
}

// What C leaves undefined is defined here: integers are truncated and keep their low bits, int64 saturates, NaN is 0.
template <typename To, typename From>
To Convert(From x) {
  if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (x != x) return 0;
    if (x >= static_cast<From>(9223372036854775808.)) return static_cast<To>(std::numeric_limits<int64_t>::max());
    if (x < static_cast<From>(-9223372036854775808.)) return static_cast<To>(std::numeric_limits<int64_t>::min());
    return static_cast<To>(static_cast<int64_t>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <typename T, typename U>
T Power(T base, U exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<U>) {
    if (!(exponent < 0)) return IntegerPower(base, static_cast<uint64_t>(exponent));
    if (base == 1) return 1;
    if (std::is_signed_v<T> && base == static_cast<T>(-1)) return (exponent & 1) != 0 ? static_cast<T>(-1) : T{1};
    return 0;
  } else {
    return Convert<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
}

// The result has the type of the base.
Status PreparePow(const TypedCall& call, TypedWork* work) {
  if (call.outputs[0].type != call.inputs[0].type) return call.Bad("the result has the type of the base");
  Broadcast broadcast;
  LANEWISE_RETURN_IF_ERROR(Broadcast::Make(call, &broadcast));
  work->items = broadcast.items();
  ForElement(call.inputs[0].type, [&](auto base) {
    ForElement(call.inputs[1].type, [&](auto exponent) {
      using T = typename decltype(base)::Type;
      using U = typename decltype(exponent)::Type;
      work->run = [broadcast](const TypedMemory& memory, int64_t begin, int64_t end) {
        broadcast.ForEachRun(begin, end, [&](int64_t first, int64_t count, const std::array<int64_t, 3>& at) {
          for (int64_t i = 0; i < count; ++i) {
            memory.out<T>()[first + i] =
                Power(memory.in<T>(0)[at[0] + i * broadcast.step(0)], memory.in<U>(1)[at[1] + i * broadcast.step(1)]);
          }
        });
        return Status::Ok();
      };
    });
  });
  return Status::Ok();
}

// inputs [condition, x, y]
Status PrepareWhere(const TypedCall& call, TypedWork* work) {
  const Element type = call.outputs[0].type;
  if (call.inputs[0].type != Element::kBool || call.inputs[1].type != type || call.inputs[2].type != type) {
    return call.Bad("a boolean condition and two operands of one type are needed");
  }
  Broadcast broadcast;
  LANEWISE_RETURN_IF_ERROR(Broadcast::Make(call, &broadcast));
  work->items = broadcast.items();
  ForBytes(ElementBytes(type), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [broadcast](const TypedMemory& memory, int64_t begin, int64_t end) {
      broadcast.ForEachRun(begin, end, [&](int64_t first, int64_t count, const std::array<int64_t, 3>& at) {
        for (int64_t i = 0; i < count; ++i) {
          const bool chosen = memory.in<uint8_t>(0)[at[0] + i * broadcast.step(0)] != 0;
          memory.out<T>()[first + i] =
              chosen ? memory.in<T>(1)[at[1] + i * broadcast.step(1)] : memory.in<T>(2)[at[2] + i * broadcast.step(2)];
        }
      });
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// y[i] = f(x[i]) for operands of one shape.
template <typename From, typename To, typename F>
void Each(const TypedCall& call, TypedWork* work, const F& f) {
  const int64_t count = call.outputs[0].count;
  work->items = TypedItems(count);
  work->run = [count, f](const TypedMemory& memory, int64_t begin, int64_t end) {
    const From* x = memory.in<From>(0);
    To* y = memory.out<To>();
    const int64_t last = std::min(count, end * kTypedItem);
    for (int64_t i = begin * kTypedItem; i < last; ++i) y[i] = f(x[i]);
    return Status::Ok();
  };
}

Status CheckEach(const TypedCall& call) {
  return call.inputs[0].count == call.outputs[0].count ? Status::Ok() : call.Bad("the shapes differ");
}

Status PrepareCast(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckEach(call));
  ForElement(call.inputs[0].type, [&](auto from) {
    using From = typename decltype(from)::Type;
    if (call.outputs[0].type == Element::kBool) {
      Each<From, uint8_t>(call, work, [](From x) -> uint8_t { return x != 0; });
      return;
    }
    ForElement(call.outputs[0].type, [&](auto to) {
      using To = typename decltype(to)::Type;
      Each<From, To>(call, work, [](From x) { return Convert<To>(x); });
    });
  });
  return Status::Ok();
}

struct Neg {
  template <typename T>
  static T Of(T x) {
    return Sub::Of(T{0}, x);
  }
};
struct Abs {
  template <typename T>
  static T Of(T x) {
    return x < 0 ? Sub::Of(T{0}, x) : x;
  }
};
struct Sign {
  template <typename T>
  static T Of(T x) {
    return static_cast<T>((x > 0) - (x < 0));
  }
};
struct BitNot {
  template <typename T>
  static T Of(T x) {
    if constexpr (std::is_integral_v<T>) return static_cast<T>(~x);
    return x;
  }
};

template <typename F>
Status PrepareUnary(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckEach(call));
  if (call.inputs[0].type != call.outputs[0].type) return call.Bad("the result has the type of the operand");
  ForElement(call.inputs[0].type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    Each<T, T>(call, work, [](T x) { return F::Of(x); });
  });
  return Status::Ok();
}

Status PrepareNot(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckEach(call));
  if (call.inputs[0].type != Element::kBool || call.outputs[0].type != Element::kBool)
    return call.Bad("booleans are needed");
  Each<uint8_t, uint8_t>(call, work, [](uint8_t x) -> uint8_t { return x == 0; });
  return Status::Ok();
}

Status CheckFloatPredicate(const TypedCall& call) {
  LANEWISE_RETURN_IF_ERROR(CheckEach(call));
  const bool fits = call.inputs[0].type == Element::kFloat32 && call.outputs[0].type == Element::kBool;
  return fits ? Status::Ok() : call.Bad("float32 values are needed");
}

Status PrepareIsNan(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckFloatPredicate(call));
  Each<float, uint8_t>(call, work, [](float x) -> uint8_t { return x != x; });
  return Status::Ok();
}

// integers [negative counts, positive counts]
Status PrepareIsInf(const TypedCall& call, TypedWork* work) {
  LANEWISE_RETURN_IF_ERROR(CheckFloatPredicate(call));
  const bool negative = call.integer(0) != 0, positive = call.integer(1) != 0;
  Each<float, uint8_t>(call, work, [=](float x) -> uint8_t { return std::isinf(x) && (x < 0 ? negative : positive); });
  return Status::Ok();
}

template <typename F>
TypedOperator Arithmetic() {
  return {2, 2, 1, 0, &PrepareBinary<F, false>};
}
template <typename F>
TypedOperator Predicate() {
  return {2, 2, 1, 0, &PrepareBinary<F, true>};
}
template <typename F>
TypedOperator OneOperand() {
  return {1, 1, 1, 0, &PrepareUnary<F>};
}

}  // namespace

void AddPointwiseOperators(TypedTable* table) {
  const TypedTable own = {
      {"add", Arithmetic<Add>()},
      {"sub", Arithmetic<Sub>()},
      {"mul", Arithmetic<Mul>()},
      {"div", Arithmetic<Div>()},
      {"mod", Arithmetic<Mod>()},
      {"fmod", Arithmetic<Fmod>()},
      {"min", Arithmetic<Min>()},
      {"max", Arithmetic<Max>()},
      {"bitAnd", Arithmetic<BitAnd>()},
      {"bitOr", Arithmetic<BitOr>()},
      {"bitXor", Arithmetic<BitXor>()},
      {"shiftLeft", Arithmetic<ShiftLeft>()},
      {"shiftRight", Arithmetic<ShiftRight>()},
      {"equal", Predicate<Equal>()},
      {"less", Predicate<Less>()},
      {"lessOrEqual", Predicate<LessOrEqual>()},
      {"and", Predicate<And>()},
      {"or", Predicate<Or>()},
      {"xor", Predicate<Xor>()},
      {"neg", OneOperand<Neg>()},
      {"abs", OneOperand<Abs>()},
      {"sign", OneOperand<Sign>()},
      {"bitNot", OneOperand<BitNot>()},
      {"pow", {2, 2, 1, 0, &PreparePow}},
      {"where", {3, 3, 1, 0, &PrepareWhere}},
      {"cast", {1, 1, 1, 0, &PrepareCast}},
      {"not", {1, 1, 1, 0, &PrepareNot}},
      {"isNaN", {1, 1, 1, 0, &PrepareIsNan}},
      {"isInf", {1, 1, 1, 2, &PrepareIsInf}},
  };
  table->insert(own.begin(), own.end());
}

}  // namespace lanewise
