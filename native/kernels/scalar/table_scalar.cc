// The scalar table. The parts come from the files beside this one; each fills its own entries.
#include "kernels/table.h"

namespace lanewise {
#if 1  // everywhere
namespace scalar {
void fill_tiles(KernelTable* table);
void fill_depthwise(KernelTable* table);
void fill_grouped(KernelTable* table);
void fill_rows(KernelTable* table);
void fill_spatial(KernelTable* table);
void fill_winograd(KernelTable* table);
}  // namespace scalar

const KernelTable* scalar_table() {
  // Filled on the first call by the dispatcher, which is serialised; zero before.
  static KernelTable table;
  if (table.isa == nullptr) {
    scalar::fill_tiles(&table);
    scalar::fill_depthwise(&table);
    scalar::fill_grouped(&table);
    scalar::fill_rows(&table);
    scalar::fill_spatial(&table);
    scalar::fill_winograd(&table);
    table.lanes = 8;
    table.isa = "scalar";
  }
  return &table;
}
#else
const KernelTable* scalar_table() { return nullptr; }
#endif
}  // namespace lanewise
