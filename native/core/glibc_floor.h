// Included by the compiler before every core and addon file (-include). Binds functions that newer C libraries give
// under a newer version to the version that glibc 2.28 has, so that an addon built on a recent distribution loads on an
// old one. The old versions are still there in every glibc. glibc_floor.cc does the rest; scripts/abi-floor.sh checks
// the result.
#pragma once
#include <stddef.h>

#if defined(__linux__) && __has_include(<features.h>)
#include <features.h>
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if defined(__x86_64__)
#define LANEWISE_BASE_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define LANEWISE_BASE_GLIBC "GLIBC_2.17"
#endif
#endif

#if defined(LANEWISE_BASE_GLIBC)
__asm__(".symver pthread_create, pthread_create@" LANEWISE_BASE_GLIBC);
__asm__(".symver pthread_sigmask, pthread_sigmask@" LANEWISE_BASE_GLIBC);
__asm__(".symver exp, exp@" LANEWISE_BASE_GLIBC);
__asm__(".symver log, log@" LANEWISE_BASE_GLIBC);
__asm__(".symver pow, pow@" LANEWISE_BASE_GLIBC);
__asm__(".symver fmodf, fmodf@" LANEWISE_BASE_GLIBC);
#endif
