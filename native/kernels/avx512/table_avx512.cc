// The avx512 table. The parts come from the files beside this one; each fills its own entries.
#include "kernels/table.h"

namespace lanewise {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
namespace avx512 {
void fill_tiles(KernelTable* table);
void fill_depthwise(KernelTable* table);
void fill_grouped(KernelTable* table);
void fill_rows(KernelTable* table);
void fill_spatial(KernelTable* table);
void fill_winograd(KernelTable* table);
}  // namespace avx512

const KernelTable* avx512_table() {
  // Filled on the first call by the dispatcher, which is serialised; zero before.
  static KernelTable table;
  if (table.isa == nullptr) {
    avx512::fill_tiles(&table);
    avx512::fill_depthwise(&table);
    avx512::fill_grouped(&table);
    avx512::fill_rows(&table);
    avx512::fill_spatial(&table);
    avx512::fill_winograd(&table);
    table.lanes = 16;
    table.isa = "avx512";
  }
  return &table;
}
#else
const KernelTable* avx512_table() { return nullptr; }
#endif
}  // namespace lanewise
