// Quantised operators: 8-bit integers with a scale and a zero point, sums in int32.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/typed.h"

namespace lanewise {
namespace {

bool IsByte(Element type) { return type == Element::kUint8 || type == Element::kInt8; }

// A byte's value, signed or not: what an initialisation from it would mean too, but linters take that for a character.
template <typename Byte>
int32_t Widened(Byte value) {
  return value;
}

// round(x) + zero, halves to even, inside the range of T.
template <typename T>
T Saturated(float x, int32_t zero) {
  const double value = static_cast<double>(std::nearbyint(x)) + zero;
  if (!(value > std::numeric_limits<T>::lowest())) return std::numeric_limits<T>::lowest();
  return value >= std::numeric_limits<T>::max() ? std::numeric_limits<T>::max() : static_cast<T>(value);
}

// Which scale an element takes: one for all, one per position of an axis, or one per block of positions.
struct ScaleMap {
  AxisView view;
  int64_t block = 0;

  // integers [axis, block]
  static bool Make(const TypedCall& call, int64_t scales, ScaleMap* made) {
    const Shape& shape = call.inputs[0].shape;
    const int64_t axis = call.integer(0), block = call.integer(1);
    if (scales == 1 && block == 0) {
      made->view = {1, 1, call.inputs[0].count};
      return true;
    }
    if (!IsAxis(axis, shape) || block < 0) return false;
    made->view = AlongAxis(shape, axis);
    made->block = block;
    if (block == 0) return scales == made->view.extent;
    return scales == made->view.outer * Blocks(made->view.extent, block) * made->view.inner;
  }
  static int64_t Blocks(int64_t extent, int64_t block) { return extent / block + (extent % block != 0 ? 1 : 0); }

  int64_t At(int64_t i) const {
    const int64_t position = i / view.inner % view.extent;
    if (block == 0) return position;
    const int64_t outer = i / view.inner / view.extent;
    return (outer * Blocks(view.extent, block) + position / block) * view.inner + i % view.inner;
  }
};

Status CheckQuantization(const TypedCall& call, Element quantized, ScaleMap* map) {
  const TypedOperand &scale = call.inputs[1], &zero = call.inputs[2];
  const bool fits = scale.type == Element::kFloat32 && zero.type == quantized && zero.count == scale.count &&
                    call.inputs[0].count == call.outputs[0].count && ScaleMap::Make(call, scale.count, map);
  return fits ? Status::Ok() : call.Bad("a scale and a zero point per tensor, axis or block are needed");
}

// inputs [x float, scale, zero], integers [axis, block]
Status PrepareQuantize(const TypedCall& call, TypedWork* work) {
  ScaleMap map;
  const Element type = call.outputs[0].type;
  LANEWISE_RETURN_IF_ERROR(CheckQuantization(call, type, &map));
  const bool integer = call.inputs[0].type == Element::kInt32;
  if (!IsByte(type) || (call.inputs[0].type != Element::kFloat32 && !integer)) return call.Bad("float32 to 8 bits");
  work->items = TypedItems(call.outputs[0].count);
  ForElement(type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    if constexpr (sizeof(T) == 1) {
      work->run = [map, integer, total = call.outputs[0].count](const TypedMemory& memory, int64_t begin, int64_t end) {
        const int64_t last = std::min(total, end * kTypedItem);
        for (int64_t i = begin * kTypedItem; i < last; ++i) {
          const int64_t s = map.At(i);
          const float x = integer ? static_cast<float>(memory.in<int32_t>(0)[i]) : memory.in<float>(0)[i];
          memory.out<T>()[i] = Saturated<T>(x / memory.in<float>(1)[s], memory.in<T>(2)[s]);
        }
        return Status::Ok();
      };
    }
  });
  return Status::Ok();
}

// inputs [x, scale, zero], integers [axis, block]
Status PrepareDequantize(const TypedCall& call, TypedWork* work) {
  ScaleMap map;
  LANEWISE_RETURN_IF_ERROR(CheckQuantization(call, call.inputs[0].type, &map));
  if (call.outputs[0].type != Element::kFloat32) return call.Bad("the result is float32");
  work->items = TypedItems(call.outputs[0].count);
  ForElement(call.inputs[0].type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    work->run = [map, total = call.outputs[0].count](const TypedMemory& memory, int64_t begin, int64_t end) {
      const int64_t last = std::min(total, end * kTypedItem);
      for (int64_t i = begin * kTypedItem; i < last; ++i) {
        const int64_t s = map.At(i);
        const auto difference = static_cast<double>(memory.in<T>(0)[i]) - static_cast<double>(memory.in<T>(2)[s]);
        memory.out<float>()[i] = static_cast<float>(difference) * memory.in<float>(1)[s];
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x], outputs [y uint8, scale, zero]: the range is that of x, widened to hold 0.
Status PrepareDynamicQuantize(const TypedCall& call, TypedWork* work) {
  const int64_t count = call.inputs[0].count;
  if (call.inputs[0].type != Element::kFloat32 || call.outputs[0].type != Element::kUint8 ||
      call.outputs[1].type != Element::kFloat32 || call.outputs[2].type != Element::kUint8 ||
      call.outputs[0].count != count || call.outputs[1].count != 1 || call.outputs[2].count != 1) {
    return call.Bad("float32 to uint8 with one scale and one zero point");
  }
  work->run = [count](const TypedMemory& memory, int64_t, int64_t) {
    const float* x = memory.in<float>(0);
    float low = 0, high = 0;
    for (int64_t i = 0; i < count; ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    const float scale = high == low ? 1.F : (high - low) / 255.F;
    const auto zero = Saturated<uint8_t>(-low / scale, 0);
    for (int64_t i = 0; i < count; ++i) memory.out<uint8_t>(0)[i] = Saturated<uint8_t>(x[i] / scale, zero);
    *memory.out<float>(1) = scale;
    *memory.out<uint8_t>(2) = zero;
    return Status::Ok();
  };
  return Status::Ok();
}

// inputs [sums int32, scale of a, scale of b, scale of y, zero of y], integers [axis of b's scales]:
// y = round(sum * a*b/y) + zero. b has one scale, or one per position of the axis.
Status PrepareRequantize(const TypedCall& call, TypedWork* work) {
  const TypedOperand &sums = call.inputs[0], &b = call.inputs[2], &y = call.outputs[0];
  const int64_t axis = call.integer(0);
  const AxisView view = b.count == 1 ? AxisView{1, 1, sums.count} : AlongAxis(sums.shape, axis);
  const bool scales = call.inputs[1].type == Element::kFloat32 && b.type == Element::kFloat32 &&
                      call.inputs[3].type == Element::kFloat32 && call.inputs[1].count == 1 &&
                      call.inputs[3].count == 1;
  if (sums.type != Element::kInt32 || !IsByte(y.type) || call.inputs[4].type != y.type || call.inputs[4].count != 1 ||
      !scales || b.count != view.extent || y.count != sums.count) {
    return call.Bad("int32 sums, three scales and a zero point are needed");
  }
  work->items = TypedItems(y.count);
  ForElement(y.type, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    if constexpr (sizeof(T) == 1) {
      work->run = [view, total = y.count](const TypedMemory& memory, int64_t begin, int64_t end) {
        const int64_t last = std::min(total, end * kTypedItem);
        for (int64_t i = begin * kTypedItem; i < last; ++i) {
          const float scale =
              *memory.in<float>(1) * memory.in<float>(2)[i / view.inner % view.extent] / *memory.in<float>(3);
          memory.out<T>()[i] = Saturated<T>(static_cast<float>(memory.in<int32_t>(0)[i]) * scale, *memory.in<T>(4));
        }
        return Status::Ok();
      };
    }
  });
  return Status::Ok();
}

// Calls f with the types of the two 8-bit operands.
template <typename F>
void ForBytePair(Element a, Element b, const F& f) {
  const auto second = [&](auto tag) {
    if (b == Element::kInt8)
      f(tag, TypeTag<int8_t>());
    else
      f(tag, TypeTag<uint8_t>());
  };
  if (a == Element::kInt8)
    second(TypeTag<int8_t>());
  else
    second(TypeTag<uint8_t>());
}

// inputs [a BMK, b BKN or KN, zero of a (1 or M), zero of b (1 or N)]: sums int32 BMN. integers [B, M, K, N, b is
// batched]
Status PrepareMatmul(const TypedCall& call, TypedWork* work) {
  const TypedOperand &a = call.inputs[0], &b = call.inputs[1], &za = call.inputs[2], &zb = call.inputs[3];
  const int64_t batch = call.integer(0), m = call.integer(1), k = call.integer(2), n = call.integer(3);
  const bool batched = call.integer(4) != 0;
  if (!IsByte(a.type) || !IsByte(b.type) || za.type != a.type || zb.type != b.type ||
      call.outputs[0].type != Element::kInt32 || batch < 0 || m < 0 || k < 0 || n < 0 || batch > (1 << 30) ||
      m > (1 << 30) || k > (1 << 30) || n > (1 << 30)) {
    return call.Bad("8-bit matrices and int32 sums are needed");
  }
  if (a.count != batch * m * k || b.count != (batched ? batch : 1) * k * n || call.outputs[0].count != batch * m * n ||
      (za.count != 1 && za.count != m) || (zb.count != 1 && zb.count != n)) {
    return call.Bad("the matrices cannot be multiplied");
  }
  work->items = n == 0 ? 0 : batch * m;
  ForBytePair(a.type, b.type, [&](auto tag_a, auto tag_b) {
    using A = typename decltype(tag_a)::Type;
    using B = typename decltype(tag_b)::Type;
    work->run = [=, rows = za.count, columns = zb.count](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const A* a_row = memory.in<A>(0) + row * k;
        const B* b_matrix = memory.in<B>(1) + (batched ? row / m * k * n : 0);
        int32_t* y = memory.out<int32_t>() + row * n;
        const int32_t zero_a = Widened(memory.in<A>(2)[rows == 1 ? 0 : row % m]);
        std::fill_n(y, n, 0);
        for (int64_t i = 0; i < k; ++i) {
          const int32_t left = a_row[i] - zero_a;
          for (int64_t j = 0; j < n; ++j) {
            const int32_t right = b_matrix[i * n + j] - memory.in<B>(3)[columns == 1 ? 0 : j];
            // Sums wrap around, as those of int32 arithmetic do.
            y[j] = static_cast<int32_t>(static_cast<uint32_t>(y[j]) + static_cast<uint32_t>(left * right));
          }
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

// inputs [x NCHW, w OIHW, zero of x, zero of w (1 or O), bias int32?]: sums int32. integers [strides h, w, dilations
// h, w, top, left, groups]
Status PrepareConv(const TypedCall& call, TypedWork* work) {
  const TypedOperand &x = call.inputs[0], &w = call.inputs[1], &zw = call.inputs[3], &y = call.outputs[0];
  const bool images = x.shape.size() == 4 && w.shape.size() == 4 && y.shape.size() == 4;
  if (!images || !IsByte(x.type) || !IsByte(w.type) || call.inputs[2].type != x.type || zw.type != w.type ||
      y.type != Element::kInt32 || call.inputs[2].count != 1) {
    return call.Bad("8-bit images and weights and int32 sums are needed");
  }
  const std::vector<int64_t>& g = call.spec.integers;
  constexpr int64_t kLimit = int64_t{1} << 31;
  for (size_t i = 0; i < 7; ++i) {
    if (g[i] < (i == 4 || i == 5 ? 0 : 1) || g[i] > kLimit) return call.Bad("positive strides, dilations and groups");
  }
  const int64_t groups = g[6], outputs = w.shape[0], depth = w.shape[1], kh = w.shape[2], kw = w.shape[3];
  const bool has_bias = call.inputs.size() == 5;
  if (depth * groups != x.shape[1] || outputs % groups != 0 || y.shape[1] != outputs || y.shape[0] != x.shape[0] ||
      (zw.count != 1 && zw.count != outputs) ||
      (has_bias && (call.inputs[4].type != Element::kInt32 || call.inputs[4].count != outputs))) {
    return call.Bad("the channels of image, weights and output do not fit together");
  }
  const int64_t h = x.shape[2], width = x.shape[3], rows = y.shape[2], columns = y.shape[3];
  work->items = y.count == 0 ? 0 : y.shape[0] * outputs;
  ForBytePair(x.type, w.type, [&](auto tag_x, auto tag_w) {
    using X = typename decltype(tag_x)::Type;
    using W = typename decltype(tag_w)::Type;
    work->run = [=, zeros = zw.count](const TypedMemory& memory, int64_t begin, int64_t end) {
      for (int64_t item = begin; item < end; ++item) {
        const int64_t image = item / outputs, o = item % outputs;
        const int64_t first = o / (outputs / groups) * depth;
        const int32_t zero_x = Widened(*memory.in<X>(2));
        const int32_t zero_w = Widened(memory.in<W>(3)[zeros == 1 ? 0 : o]);
        int32_t* plane = memory.out<int32_t>() + item * rows * columns;
        for (int64_t i = 0; i < rows * columns; ++i) {
          uint32_t sum = has_bias ? static_cast<uint32_t>(memory.in<int32_t>(4)[o]) : 0;
          for (int64_t c = 0; c < depth; ++c) {
            const X* x_plane = memory.in<X>(0) + (image * depth * groups + first + c) * h * width;
            const W* taps = memory.in<W>(1) + (o * depth + c) * kh * kw;
            for (int64_t ky = 0; ky < kh; ++ky) {
              const int64_t iy = i / columns * g[0] + ky * g[2] - g[4];
              if (iy < 0 || iy >= h) continue;
              for (int64_t kx = 0; kx < kw; ++kx) {
                const int64_t ix = i % columns * g[1] + kx * g[3] - g[5];
                if (ix < 0 || ix >= width) continue;
                sum += static_cast<uint32_t>((x_plane[iy * width + ix] - zero_x) * (taps[ky * kw + kx] - zero_w));
              }
            }
          }
          plane[i] = static_cast<int32_t>(sum);
        }
      }
      return Status::Ok();
    };
  });
  return Status::Ok();
}

}  // namespace

void AddQuantizedOperators(TypedTable* table) {
  const TypedTable own = {
      {"quantize", {3, 3, 1, 2, &PrepareQuantize}},
      {"dequantize", {3, 3, 1, 2, &PrepareDequantize}},
      {"dynamicQuantize", {1, 1, 3, 0, &PrepareDynamicQuantize}},
      {"requantize", {5, 5, 1, 1, &PrepareRequantize}},
      {"integerMatmul", {4, 4, 1, 5, &PrepareMatmul}},
      {"integerConv", {4, 5, 1, 7, &PrepareConv}},
  };
  table->insert(own.begin(), own.end());
}

}  // namespace lanewise
