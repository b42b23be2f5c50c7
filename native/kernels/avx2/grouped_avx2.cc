// Convolution in small groups for AVX2.
#include "kernels/table.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
//
#include "kernels/shared/grouped.h"

namespace lanewise::avx2 {

void fill_grouped(KernelTable* table) { fill_grouped_pixels<8>(table); }

}  // namespace lanewise::avx2
#endif
