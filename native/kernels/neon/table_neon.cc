// The neon table. The parts come from the files beside this one; each fills its own entries.
#include "kernels/table.h"

namespace lanewise {
#if defined(__aarch64__)
namespace neon {
void fill_tiles(KernelTable* table);
void fill_depthwise(KernelTable* table);
void fill_grouped(KernelTable* table);
void fill_rows(KernelTable* table);
void fill_spatial(KernelTable* table);
void fill_winograd(KernelTable* table);
}  // namespace neon

const KernelTable* neon_table() {
  // Filled on the first call by the dispatcher, which is serialised; zero before.
  static KernelTable table;
  if (table.isa == nullptr) {
    neon::fill_tiles(&table);
    neon::fill_depthwise(&table);
    neon::fill_grouped(&table);
    neon::fill_rows(&table);
    neon::fill_spatial(&table);
    neon::fill_winograd(&table);
    table.lanes = 8;
    table.isa = "neon";
  }
  return &table;
}
#else
const KernelTable* neon_table() { return nullptr; }
#endif
}  // namespace lanewise
