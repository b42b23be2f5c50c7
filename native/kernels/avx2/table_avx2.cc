// The avx2 table. The parts come from the files beside this one; each fills its own entries.
#include "kernels/table.h"

namespace lanewise {
#if defined(__AVX2__) && defined(__FMA__)
namespace avx2 {
void fill_tiles(KernelTable* table);
void fill_depthwise(KernelTable* table);
void fill_grouped(KernelTable* table);
void fill_rows(KernelTable* table);
void fill_spatial(KernelTable* table);
void fill_winograd(KernelTable* table);
}  // namespace avx2

const KernelTable* avx2_table() {
  // Filled on the first call by the dispatcher, which is serialised; zero before.
  static KernelTable table;
  if (table.isa == nullptr) {
    avx2::fill_tiles(&table);
    avx2::fill_depthwise(&table);
    avx2::fill_grouped(&table);
    avx2::fill_rows(&table);
    avx2::fill_spatial(&table);
    avx2::fill_winograd(&table);
    table.lanes = 8;
    table.isa = "avx2";
  }
  return &table;
}
#else
const KernelTable* avx2_table() { return nullptr; }
#endif
}  // namespace lanewise
