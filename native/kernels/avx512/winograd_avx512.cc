// Winograd transforms for AVX-512.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::avx512 {

void fill_winograd(KernelTable* table) { fill_winograd_tiles(table); }

}  // namespace lanewise::avx512
#endif
