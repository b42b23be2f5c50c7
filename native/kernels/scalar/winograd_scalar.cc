// Winograd transforms for the portable vector.
#include "kernels/table.h"

#include "kernels/vec_scalar.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::scalar {

void fill_winograd(KernelTable* table) { fill_winograd_tiles(table); }

}  // namespace lanewise::scalar
