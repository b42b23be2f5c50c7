// Depthwise convolution for AVX2.
#include "kernels/table.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
//
#include "kernels/shared/depthwise.h"

namespace lanewise::avx2 {

void fill_depthwise(KernelTable* table) {
  fill_depthwise_pixels<12>(table);
  fill_depthwise_squares<16>(table);
}

}  // namespace lanewise::avx2
#endif
