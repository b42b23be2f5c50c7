// Convolution in small groups for NEON.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"
//
#include "kernels/shared/grouped.h"

namespace lanewise::neon {

void fill_grouped(KernelTable* table) { fill_grouped_pixels<8>(table); }

}  // namespace lanewise::neon
#endif
