// Dense tiles for AVX2. 12 accumulators of 16 registers.
#include "kernels/table.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
//
#include "kernels/shared/conv_tile.h"

namespace lanewise::avx2 {

void fill_tiles(KernelTable* table) {
  fill<1, 12>(table->tile);
  fill<2, 6>(table->tile);
  fill<3, 4>(table->tile);
  fill<4, 3>(table->tile);
}

}  // namespace lanewise::avx2
#endif
