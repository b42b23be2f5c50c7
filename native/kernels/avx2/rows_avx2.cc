// The row kernels over the avx2 vector.
#if defined(__AVX2__) && defined(__FMA__)
#include "kernels/vec_avx2.h"
// The vector first: the rest is written over it.
#include "kernels/shared/probe.h"
#include "kernels/shared/rows_elementwise.h"
#include "kernels/shared/rows_reduce.h"
#include "kernels/shared/rows_softmax.h"
#include "kernels/shared/rows_strassen.h"

namespace lanewise {
namespace avx2 {

void fill_rows(KernelTable* table) {
  fill_elementwise(table);
  fill_reduce(table);
  fill_softmax(table);
  fill_strassen(table);
  table->fma_probe = fma_probe<12>;
}

}  // namespace avx2
}  // namespace lanewise
#endif
