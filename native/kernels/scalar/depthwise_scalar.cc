// Depthwise convolution for the portable vector.
#include "kernels/table.h"

#include "kernels/vec_scalar.h"
//
#include "kernels/shared/depthwise.h"

namespace lanewise::scalar {

void fill_depthwise(KernelTable* table) {
  fill_depthwise_pixels<4>(table);
  fill_depthwise_squares<8>(table);
}

}  // namespace lanewise::scalar
