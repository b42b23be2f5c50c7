// Which kernels run: the best ISA that is both built and supported, or the one that was asked for. AMX runs only where
// it is asked for.
#pragma once
#include <string>
#include <vector>

#include "core/status.h"
#include "kernels/table.h"

namespace lanewise {

// Names of the ISAs compiled into this binary, and of those that this machine can run, widest last. "scalar" is in
// both.
std::vector<std::string> BuiltIsas();
std::vector<std::string> SupportedIsas();

// The table of a named ISA; an unknown, unbuilt or unsupported name is an error that lists the choices.
Status FindKernels(const std::string& isa, const KernelTable** table);

// The process-wide choice: LANEWISE_ISA if set (read once), else the widest supported but AMX.
Status ActiveKernels(const KernelTable** table);

}  // namespace lanewise
