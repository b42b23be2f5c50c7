#include "core/portable_rows.h"

#include <cmath>

namespace lanewise {
namespace {

using Function = float (*)(float);
using Function2 = float (*)(float, float);

template <Function f>
void Row(const float* x, float* y, size_t n, float, float) {
  for (size_t i = 0; i < n; ++i) y[i] = f(x[i]);
}

constexpr UnaryRow kUnaryRows[] = {
    Row<static_cast<Function>(std::sin)>,   Row<static_cast<Function>(std::cos)>,
    Row<static_cast<Function>(std::tan)>,   Row<static_cast<Function>(std::asin)>,
    Row<static_cast<Function>(std::acos)>,  Row<static_cast<Function>(std::atan)>,
    Row<static_cast<Function>(std::sinh)>,  Row<static_cast<Function>(std::cosh)>,
    Row<static_cast<Function>(std::asinh)>, Row<static_cast<Function>(std::acosh)>,
    Row<static_cast<Function>(std::atanh)>,
};

float Fmod(float a, float b) { return fmodf(a, b); }
float Mod(float a, float b) {
  const float rest = fmodf(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

template <Function2 f, size_t a_step, size_t b_step>
void Row2(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = f(a[i * a_step], b[i * b_step]);
}

template <Function2 f>
BinaryRow SpreadRow(Spread spread) {
  if (spread == Spread::kFull) return Row2<f, 1, 1>;
  if (spread == Spread::kScalarA) return Row2<f, 0, 1>;
  return spread == Spread::kScalarB ? Row2<f, 1, 0> : nullptr;
}

}  // namespace

UnaryRow RowOf(const KernelTable& kernels, Unary fn) {
  if (fn < Unary::kCount) return kernels.unary[static_cast<int>(fn)];
  return kUnaryRows[static_cast<int>(fn) - static_cast<int>(Unary::kCount)];
}

BinaryRow RowOf(const KernelTable& kernels, Binary fn, Spread spread) {
  if (!IsPortable(fn)) return kernels.binary[binary_index(fn, spread)];
  return fn == Binary::kFmod ? SpreadRow<Fmod>(spread) : SpreadRow<Mod>(spread);
}

}  // namespace lanewise
