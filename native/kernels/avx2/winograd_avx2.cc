// Winograd transforms for AVX2.
#include "kernels/table.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::avx2 {

void fill_winograd(KernelTable* table) { fill_winograd_tiles(table); }

}  // namespace lanewise::avx2
#endif
