// Pooling, resizing, transposition and lane movement for scalar.
#include "kernels/table.h"

#if 1  // everywhere
#include "kernels/vec_scalar.h"

#include "kernels/shared/spatial_transpose.h"
#include "kernels/shared/spatial_pool.h"
#include "kernels/shared/spatial_resize.h"
#include "kernels/shared/spatial_lanes.h"
#include "kernels/shared/spatial_fill.h"

namespace lanewise::scalar {
void fill_spatial(KernelTable* table) { fill_spatial_entries(table); }
}  // namespace lanewise::scalar
#endif
