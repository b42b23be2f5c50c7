// The AMX kernels with their tile instructions in software: for machines without a matrix unit, and for sanitizers,
// which do not see what tile instructions touch.
#pragma once
#include "cpu/dispatch.h"
#include "kernels/table.h"

namespace lanewise::test {

// False where the compiler knows no AMX.
bool FillEmulatedAmx(MatrixKernels* kernels);

// The avx512 table with the emulated matrix kernels; null where this build or this machine has no AVX-512.
inline const KernelTable* EmulatedAmxTable() {
  static MatrixKernels matrix;
  static KernelTable table;
  static const bool there = [] {
    const KernelTable* vectors = nullptr;
    if (!FindKernels("avx512", &vectors).ok() || !FillEmulatedAmx(&matrix)) return false;
    table = *vectors;
    table.matrix = &matrix;
    table.isa = "amx, emulated";
    return true;
  }();
  return there ? &table : nullptr;
}

}  // namespace lanewise::test
