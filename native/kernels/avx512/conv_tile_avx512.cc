// Dense tiles for AVX-512: 28 accumulators of 32 registers, 24 beside four weights.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/conv_tile.h"

namespace lanewise::avx512 {

void fill_tiles(KernelTable* table) {
  fill<1, 28>(table);
  fill<2, 14>(table);
  fill<3, 9>(table);
  fill<4, 6>(table);
  fill_lower<1, 28>(table);
  fill_lower<2, 14>(table);
  fill_lower<3, 9>(table);
  fill_lower<4, 6>(table);
}

}  // namespace lanewise::avx512
#endif
