// The amx table: that of AVX-512, whose vectors go with the matrix unit on every processor that has one, and the
// kernels for the unit.
#include "kernels/table.h"

namespace lanewise {
#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512F__)
namespace amx {
void fill_matrix(MatrixKernels* kernels);
}  // namespace amx

const KernelTable* amx_table() {
  // Filled on the first call by the dispatcher, which is serialised; zero before.
  static KernelTable table;
  static MatrixKernels matrix;
  if (table.isa == nullptr) {
    const KernelTable* vectors = avx512_table();
    if (vectors == nullptr) return nullptr;
    amx::fill_matrix(&matrix);
    table = *vectors;
    table.matrix = &matrix;
    table.isa = "amx";
  }
  return &table;
}
#else
const KernelTable* amx_table() { return nullptr; }
#endif
}  // namespace lanewise
