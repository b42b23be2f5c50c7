// The row kernels over the avx512 vector.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "kernels/vec_avx512.h"
// The vector first: the rest is written over it.
#include "kernels/shared/probe.h"
#include "kernels/shared/rows_elementwise.h"
#include "kernels/shared/rows_reduce.h"
#include "kernels/shared/rows_softmax.h"
#include "kernels/shared/rows_strassen.h"

namespace lanewise {
namespace avx512 {

void fill_rows(KernelTable* table) {
  fill_elementwise(table);
  fill_reduce(table);
  fill_softmax(table);
  fill_strassen(table);
  table->fma_probe = fma_probe<12>;
}

}  // namespace avx512
}  // namespace lanewise
#endif
