// Element types of values. Only float32 has vector kernels and layouts; the others are row-major and scalar.
#pragma once
#include <cstdint>
#include <type_traits>

namespace lanewise {

enum class Element { kFloat32, kInt64, kInt32, kUint8, kInt8, kBool };

inline int64_t ElementBytes(Element type) {
  switch (type) {
    case Element::kInt64: return 8;
    case Element::kFloat32:
    case Element::kInt32: return 4;
    case Element::kUint8:
    case Element::kInt8:
    case Element::kBool: break;
  }
  return 1;
}

inline const char* ElementName(Element type) {
  static const char* const kNames[] = {"float32", "int64", "int32", "uint8", "int8", "bool"};
  return kNames[static_cast<int>(type)];
}

template <typename T>
struct TypeTag {
  using Type = T;
};

// Calls f(TypeTag<T>()) with the C++ type of the elements; a bool is a byte of 0 or 1.
template <typename F>
auto ForElement(Element type, const F& f) {
  switch (type) {
    case Element::kInt64: return f(TypeTag<int64_t>());
    case Element::kInt32: return f(TypeTag<int32_t>());
    case Element::kInt8: return f(TypeTag<int8_t>());
    case Element::kUint8:
    case Element::kBool: return f(TypeTag<uint8_t>());
    case Element::kFloat32: break;
  }
  return f(TypeTag<float>());
}

// The same for operators that only move elements: one instance per size.
template <typename F>
auto ForBytes(int64_t bytes, const F& f) {
  if (bytes == 8) return f(TypeTag<uint64_t>());
  if (bytes == 4) return f(TypeTag<uint32_t>());
  return f(TypeTag<uint8_t>());
}

}  // namespace lanewise
