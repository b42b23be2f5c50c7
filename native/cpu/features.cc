#include "cpu/features.h"

#include <cstdio>

#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define LANEWISE_X64 1
#if defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace lanewise {
namespace {

#ifdef LANEWISE_X64
// By hand: __builtin_cpu_supports needs a symbol that not every runtime library has.
void Cpuid(unsigned leaf, unsigned subleaf, unsigned (&r)[4]) {
#if defined(_MSC_VER)
  int regs[4];
  __cpuidex(regs, static_cast<int>(leaf), static_cast<int>(subleaf));
  for (int i = 0; i < 4; ++i) r[i] = static_cast<unsigned>(regs[i]);
#else
  r[0] = r[1] = r[2] = r[3] = 0;
  __get_cpuid_count(leaf, subleaf, &r[0], &r[1], &r[2], &r[3]);
#endif
}

// AMD alone says how wide its units are (leaf 0x8000001a, FP256 and FP512).
bool UnitsHave256Bits() {
  unsigned r[4];
  Cpuid(0x80000000u, 0, r);
  if (r[0] < 0x8000001au) return false;
  Cpuid(0x8000001au, 0, r);
  return (r[0] & 0xcu) == 0x4u;
}

// Which register states the operating system saves on a task switch.
unsigned long long EnabledStates() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
#endif
}

// Linux saves the tiles (8 KiB) only for a process that asked: before that they cause SIGILL.
bool TilesAreGranted() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // XFEATURE_XTILE_DATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
#endif

Features Detect() {
  Features f;
#if defined(__aarch64__) || defined(_M_ARM64)
  f.neon = true;
#elif defined(LANEWISE_X64)
  const auto bit = [](unsigned word, int n) { return ((word >> n) & 1u) != 0; };
  unsigned r[4];
  Cpuid(0, 0, r);
  if (r[0] < 7) return f;
  Cpuid(1, 0, r);
  const bool osxsave = bit(r[2], 27), avx = bit(r[2], 28), fma = bit(r[2], 12);
  if (!osxsave || !avx) return f;
  const unsigned long long states = EnabledStates();
  Cpuid(7, 0, r);
  f.avx2 = (states & 0x6) == 0x6 && fma && bit(r[1], 5);
  f.avx512 = f.avx2 && (states & 0xe6) == 0xe6 && bit(r[1], 16) && bit(r[1], 17) && bit(r[1], 30) && bit(r[1], 31);
  f.avx512_in_halves = f.avx512 && UnitsHave256Bits();
  f.amx = f.avx512 && (states & 0x60000) == 0x60000 && bit(r[3], 22) && bit(r[3], 24) && TilesAreGranted();
#endif
  return f;
}

CacheSizes ReadCaches() {
  CacheSizes sizes{32 << 10, 1 << 20, 16 << 20};
#if defined(__linux__) && defined(_SC_LEVEL1_DCACHE_SIZE)
  const auto read = [](int name, size_t* size) {
    const long value = sysconf(name);
    if (value > 0) *size = static_cast<size_t>(value);
  };
  read(_SC_LEVEL1_DCACHE_SIZE, &sizes.l1_bytes);
  read(_SC_LEVEL2_CACHE_SIZE, &sizes.l2_bytes);
  read(_SC_LEVEL3_CACHE_SIZE, &sizes.l3_bytes);
  // Of a processor with several third caches sysconf gives the sum. What one core reaches stands here, in KiB.
  if (std::FILE* f = std::fopen("/sys/devices/system/cpu/cpu0/cache/index3/size", "r")) {
    size_t kib = 0;
    if (std::fscanf(f, "%9zuK", &kib) == 1 && kib > 0) sizes.l3_bytes = kib << 10;
    std::fclose(f);
  }
#elif defined(__APPLE__)
  const auto read = [](const char* name, size_t* size) {
    size_t value = 0, length = sizeof(value);
    if (sysctlbyname(name, &value, &length, nullptr, 0) == 0 && value > 0) *size = value;
  };
  read("hw.l1dcachesize", &sizes.l1_bytes);
  read("hw.l2cachesize", &sizes.l2_bytes);
#endif
  return sizes;
}

}  // namespace

const Features& DetectedFeatures() {
  static const Features features = Detect();
  return features;
}

const CacheSizes& Caches() {
  static const CacheSizes sizes = ReadCaches();
  return sizes;
}

}  // namespace lanewise
