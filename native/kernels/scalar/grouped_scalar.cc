// Convolution in small groups for the portable vector.
#include "kernels/table.h"

#include "kernels/vec_scalar.h"
//
#include "kernels/shared/grouped.h"

namespace lanewise::scalar {

void fill_grouped(KernelTable* table) { fill_grouped_pixels<4>(table); }

}  // namespace lanewise::scalar
