// Depthwise convolution for NEON.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"
//
#include "kernels/shared/depthwise.h"

namespace lanewise::neon {

void fill_depthwise(KernelTable* table) {
  fill_depthwise_pixels<12>(table);
  fill_depthwise_squares<16>(table);
}

}  // namespace lanewise::neon
#endif
