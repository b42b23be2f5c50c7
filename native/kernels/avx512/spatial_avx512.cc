// Pooling, resizing, transposition and lane movement for avx512.
#include "kernels/table.h"

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
// GCC 12 and 13 take _mm512_undefined_ps() inside their own intrinsics for a bug of ours (GCC PR 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "kernels/vec_avx512.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include "kernels/shared/spatial_transpose.h"
#include "kernels/shared/spatial_pool.h"
#include "kernels/shared/spatial_resize.h"
#include "kernels/shared/spatial_lanes.h"
#include "kernels/shared/spatial_fill.h"

namespace lanewise::avx512 {
void fill_spatial(KernelTable* table) { fill_spatial_entries(table); }
}  // namespace lanewise::avx512
#endif
