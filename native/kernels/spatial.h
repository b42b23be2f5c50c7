// Types of the kernels that move or combine pixels: pooling, resizing, transposition, lane movement.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace lanewise {}  // namespace lanewise
