// The spatial entries of a table.
#pragma once
#include "kernels/table.h"

namespace {

inline void fill_spatial_entries(lanewise::KernelTable* table) {
  table->transpose = transpose;
  table->pool_row_max = pool_row_max;
  table->pool_row_average = pool_row_average;
  table->plane_mean = plane_mean;
  table->plane_max = plane_max;
  table->resize_row_linear = resize_row_linear;
  table->gather_pixels = gather_pixels;
  table->permute_lanes = permute_lanes;
}

}  // namespace
