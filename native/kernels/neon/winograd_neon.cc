// Winograd transforms for NEON.
#include "kernels/table.h"

#if defined(__aarch64__)
#include "kernels/vec_neon.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::neon {

void fill_winograd(KernelTable* table) {
  table->winograd_input[0] = winograd_input<2>;
  table->winograd_input[1] = winograd_input<4>;
  table->winograd_output[0] = winograd_output<2>;
  table->winograd_output[1] = winograd_output<4>;
  table->winograd_weights[0] = winograd_weights<2>;
  table->winograd_weights[1] = winograd_weights<4>;
}

}  // namespace lanewise::neon
#endif
