// Pooling, resizing, transposition and lane movement for avx2.
#include "kernels/table.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"

#include "kernels/shared/spatial_transpose.h"
#include "kernels/shared/spatial_pool.h"
#include "kernels/shared/spatial_resize.h"
#include "kernels/shared/spatial_lanes.h"
#include "kernels/shared/spatial_fill.h"

namespace lanewise::avx2 {
void fill_spatial(KernelTable* table) { fill_spatial_entries(table); }
}  // namespace lanewise::avx2
#endif
