// Winograd transforms for the portable vector.
#include "kernels/table.h"

#include "kernels/vec_scalar.h"
//
#include "kernels/shared/winograd.h"

namespace lanewise::scalar {

void fill_winograd(KernelTable* table) {
  table->winograd_input[0] = winograd_input<2>;
  table->winograd_input[1] = winograd_input<4>;
  table->winograd_output[0] = winograd_output<2>;
  table->winograd_output[1] = winograd_output<4>;
  table->winograd_weights[0] = winograd_weights<2>;
  table->winograd_weights[1] = winograd_weights<4>;
}

}  // namespace lanewise::scalar
