// Row functions that are too rare to be kernels: plain loops over the C library, the same on every ISA.
#pragma once
#include "kernels/table.h"

namespace lanewise {

// The row of any Unary: the table's where it has one.
UnaryRow RowOf(const KernelTable& kernels, Unary fn);
// The row of any Binary. Those of this file know no lanes: kLanesA and kLanesB give null.
BinaryRow RowOf(const KernelTable& kernels, Binary fn, Spread spread);
inline bool IsPortable(Binary fn) { return fn >= Binary::kCount; }

}  // namespace lanewise
