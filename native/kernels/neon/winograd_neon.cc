// Winograd transforms for NEON.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::neon {

void fill_winograd(KernelTable* table) { fill_winograd_tiles(table); }

}  // namespace lanewise::neon
#endif
