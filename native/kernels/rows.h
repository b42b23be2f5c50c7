// Types of the kernels that work on rows of elements: elementwise, scale, softmax, normalisation, reduction.
#pragma once
#include "kernels/spatial.h"
