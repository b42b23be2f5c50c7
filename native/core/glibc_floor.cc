// Two things that the headers of a recent GCC refer to and that an old libstdc++ or glibc does not have. Both are
// hidden in this library and stay its own.
#include "core/glibc_floor.h"

#if defined(LANEWISE_BASE_GLIBC)
// glibc 2.32 tells reference counts that no second thread exists. There is always one here.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;
}

#include <new>

namespace std {
// GLIBCXX_3.4.29: thrown by a vector of more elements than there are addresses.
[[noreturn]] __attribute__((visibility("hidden"))) void __throw_bad_array_new_length() { throw bad_array_new_length(); }
}  // namespace std
// NOLINTEND(bugprone-reserved-identifier)
#endif
