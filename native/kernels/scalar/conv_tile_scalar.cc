// Dense tiles for the portable vector. A vector is two SSE registers where the compiler vectorises, so tiles are small.
#include "kernels/table.h"

#include "kernels/vec_scalar.h"
//
#include "kernels/shared/conv_tile.h"

namespace lanewise::scalar {

void fill_tiles(KernelTable* table) {
  fill<1, 4>(table->tile);
  fill<2, 2>(table->tile);
  fill<3, 1>(table->tile);
  fill<4, 1>(table->tile);
}

}  // namespace lanewise::scalar
