// How many processors this process may keep busy: what the number of threads defaults to.
#pragma once
#include <string>

namespace lanewise {

constexpr int kMaxProcessors = 64;

// The processors in the affinity mask, limited by CpuQuota rounded up and by kMaxProcessors; at least one. `root`
// stands before every path that is read, for tests.
int AvailableProcessors(const std::string& root = "");

// Processors' worth of time that the control groups of this process grant, v1 or v2: the smallest limit among its group
// and the groups around it. Infinity where there is none, or none that can be read.
double CpuQuota(const std::string& root = "");

// The processor that this thread is on at the moment, -1 where the system does not say.
int CurrentProcessor();

// Moves this thread to another processor of its affinity mask, which stays as it is; false where there is none.
bool LeaveProcessor(int processor);

}  // namespace lanewise
