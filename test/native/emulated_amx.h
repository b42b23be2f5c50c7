// The AMX kernels with their tile instructions in software: for machines without a matrix unit, and for sanitizers,
// which do not see what tile instructions touch.
#pragma once
#include "kernels/table.h"

namespace lanewise::test {

/** The avx512 table with the emulated matrix kernels; null where this build or this machine has no AVX-512. */
const KernelTable* EmulatedAmxTable();

}  // namespace lanewise::test
