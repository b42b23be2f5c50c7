// The spatial entries of a table.
#pragma once
#include "kernels/table.h"

namespace {

inline void fill_spatial_entries(lanewise::KernelTable* table) {
  table->transpose = transpose;
}

}  // namespace
