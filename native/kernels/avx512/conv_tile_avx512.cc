// Dense tiles for AVX-512: 28 accumulators of 32 registers, 24 beside four weights.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/conv_tile.h"

namespace lanewise::avx512 {

void fill_tiles(KernelTable* table) {
  fill<1, 28>(table->tile);
  fill<2, 14>(table->tile);
  fill<3, 9>(table->tile);
  fill<4, 6>(table->tile);
  fill<1, 28, Last::kLower>(table->lower_tile);
  fill<2, 14, Last::kLower>(table->lower_tile);
  fill<3, 9, Last::kLower>(table->lower_tile);
  fill<4, 6, Last::kLower>(table->lower_tile);
  fill<2, 14, Last::kPairs>(table->paired_tile);
  fill<3, 9, Last::kPairs>(table->paired_tile);
  fill<4, 6, Last::kPairs>(table->paired_tile);
}

}  // namespace lanewise::avx512
#endif
