// Allocations that fail on purpose. Whoever links failing_allocation.cc gets its operator new and its mmap, which count
// what they give and, when told to, refuse one request or all from one on.
#pragma once
#include <cstddef>

namespace lanewise::test {

enum class Refuse { kOne, kAllFrom };

// The n-th request of any thread from now on (1 is the next) is refused; 0 refuses none.
void FailAllocation(size_t n, Refuse refuse = Refuse::kOne);
// Requests since FailAllocation, refused ones included.
size_t RequestsSeen();
// Blocks that were given and not returned.
ptrdiff_t LiveAllocations();

}  // namespace lanewise::test
