// Depthwise convolution for AVX-512.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/depthwise.h"

namespace lanewise::avx512 {

void fill_depthwise(KernelTable* table) {
  fill_depthwise_pixels<14>(table);
  fill_depthwise_squares<32>(table);
}

}  // namespace lanewise::avx512
#endif
