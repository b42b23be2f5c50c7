// Convolution in small groups for AVX-512.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/grouped.h"

namespace lanewise::avx512 {

void fill_grouped(KernelTable* table) { fill_grouped_pixels<14>(table); }

}  // namespace lanewise::avx512
#endif
