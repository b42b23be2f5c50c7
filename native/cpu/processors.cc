#include "cpu/processors.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#if defined(__linux__)
#include <sched.h>
#elif defined(_WIN32)
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace lanewise {
namespace {

constexpr double kUnlimited = INFINITY;

// The start of a file; empty when it cannot be read.
std::string ReadText(const std::string& path) {
  char text[16384];
  size_t length = 0;
  if (std::FILE* f = std::fopen(path.c_str(), "r")) {
    length = std::fread(text, 1, sizeof(text), f);
    std::fclose(f);
  }
  return std::string(text, length);
}

// Processors granted by "<microseconds> <period>". Words (v2 says "max"), -1 (v1) and nonsense grant everything.
double Ratio(const std::string& text) {
  long long granted = 0, period = 0;
  if (std::sscanf(text.c_str(), "%18lld %18lld", &granted, &period) != 2 || granted <= 0 || period <= 0)
    return kUnlimited;
  return static_cast<double>(granted) / static_cast<double>(period);
}

double QuotaV2(const std::string& folder) { return Ratio(ReadText(folder + "/cpu.max")); }
double QuotaV1(const std::string& folder) {
  return Ratio(ReadText(folder + "/cpu.cfs_quota_us") + " " + ReadText(folder + "/cpu.cfs_period_us"));
}

// A limit holds for every group below it, so each folder from the mount down to the group counts. A container may see
// the path that its group has on the host while only the group itself is mounted: folders that are not there say
// nothing.
double Smallest(const std::string& mount, const std::string& group, double (*read)(const std::string&)) {
  double quota = read(mount);
  if (group.find("..") != std::string::npos) return quota;  // outside of what this namespace shows
  for (size_t end = 1; end < group.size();) {
    end = std::min(group.find('/', end + 1), group.size());
    quota = std::min(quota, read(mount + group.substr(0, end)));
  }
  return quota;
}

int AffineProcessors() {
#if defined(__linux__)
  // The kernel refuses a mask with less room than its own.
  for (size_t sets = 1; sets <= 1024; sets *= 2) {
    std::vector<cpu_set_t> mask(sets);
    const size_t bytes = sets * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, mask.data()) == 0) return CPU_COUNT_S(bytes, mask.data());
  }
  return 1;
#elif defined(_WIN32)
  DWORD_PTR process = 0, system = 0;
  GetProcessAffinityMask(GetCurrentProcess(), &process, &system);
  int count = 0;
  for (; process != 0; process &= process - 1) ++count;
  return count;
#else
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
#endif
}

}  // namespace

double CpuQuota(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  // Lines are "0::/group" for v2 and "4:cpu,cpuacct:/group" for v1. Without them the mounts alone are looked at.
  std::string v2, v1, controllers = "cpu";
  const std::string text = ReadText(root + "/proc/self/cgroup");
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const size_t first = line.find(':'), second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (names.empty()) v2 = group;
    if (("," + names + ",").find(",cpu,") != std::string::npos) {
      v1 = group;
      controllers = names;
    }
  }
  return std::min({Smallest(mount, v2, QuotaV2), Smallest(mount + "/cpu", v1, QuotaV1),
                   Smallest(mount + "/" + controllers, v1, QuotaV1)});
}

int AvailableProcessors(const std::string& root) {
  // Clamped before the conversion: infinity is no int.
  const double quota = std::clamp(std::ceil(CpuQuota(root)), 1.0, static_cast<double>(kMaxProcessors));
  return std::clamp(AffineProcessors(), 1, static_cast<int>(quota));
}

int CurrentProcessor() {
#if defined(__linux__)
  return sched_getcpu();
#elif defined(_WIN32)
  return static_cast<int>(GetCurrentProcessorNumber());
#else
  return -1;
#endif
}

bool LeaveProcessor(int processor) {
#if defined(__linux__)
  if (processor < 0 || processor >= CPU_SETSIZE) return false;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2) return false;
  cpu_set_t others = allowed;
  CPU_CLR(static_cast<size_t>(processor), &others);
  const bool moved = sched_setaffinity(0, sizeof others, &others) == 0;
  return moved && sched_setaffinity(0, sizeof allowed, &allowed) == 0;
#else
  static_cast<void>(processor);
  return false;
#endif
}

}  // namespace lanewise
