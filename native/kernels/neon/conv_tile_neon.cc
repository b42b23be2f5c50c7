// Dense tiles for NEON. 12 accumulators, a register pair each.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"
//
#include "kernels/shared/conv_tile.h"

namespace lanewise::neon {

void fill_tiles(KernelTable* table) {
  fill<1, 12>(table->tile);
  fill<2, 6>(table->tile);
  fill<3, 4>(table->tile);
  fill<4, 3>(table->tile);
}

}  // namespace lanewise::neon
#endif
