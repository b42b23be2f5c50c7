// Pooling, resizing, transposition and lane movement for neon.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"

#include "kernels/shared/spatial_transpose.h"
#include "kernels/shared/spatial_pool.h"
#include "kernels/shared/spatial_resize.h"
#include "kernels/shared/spatial_lanes.h"
#include "kernels/shared/spatial_fill.h"

namespace lanewise::neon {
void fill_spatial(KernelTable* table) { fill_spatial_entries(table); }
}  // namespace lanewise::neon
#endif
