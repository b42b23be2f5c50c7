// The number of threads in containers: control groups of both versions, laid out as files under a folder of the test.
#if defined(__linux__)
#include <sched.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "check.h"
#include "core/threads.h"
#include "cpu/processors.h"

namespace lanewise::test {
namespace {

namespace fs = std::filesystem;

// Files below a fresh folder, gone at the end.
class Root {
 public:
  using Files = std::vector<std::pair<std::string, std::string>>;
  explicit Root(const Files& files) {
    char name[] = "/tmp/lanewise-cgroup-XXXXXX";
    path_ = mkdtemp(name) == nullptr ? "" : name;
    for (const auto& [file, text] : files) {
      const fs::path target = path_ + file;
      fs::create_directories(target.parent_path());
      std::FILE* f = std::fopen(target.c_str(), "w");
      std::fwrite(text.data(), 1, text.size(), f);
      std::fclose(f);
    }
  }
  ~Root() { fs::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string kSelf = "/proc/self/cgroup", kV2 = "/sys/fs/cgroup", kV1 = "/sys/fs/cgroup/cpu";
Root::Files V1(const std::string& group, const std::string& quota, const std::string& period) {
  return {{kV1 + group + "/cpu.cfs_quota_us", quota}, {kV1 + group + "/cpu.cfs_period_us", period}};
}
Root::Files operator+(Root::Files a, const Root::Files& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(CpuQuotaOfControlGroups) {
  const struct {
    const char* what;
    Root::Files files;
    double quota;
  } cases[] = {
      {"no control groups", {}, INFINITY},
      {"v2", {{kV2 + "/cpu.max", "150000 100000\n"}}, 1.5},
      {"v2 without a limit", {{kV2 + "/cpu.max", "max 100000\n"}}, INFINITY},
      {"v2, the group itself",
       {{kSelf, "0::/a.slice/b.scope\n"}, {kV2 + "/a.slice/b.scope/cpu.max", "50000 100000\n"}},
       .5},
      {"v2, a group above",
       {{kSelf, "0::/a/b/c\n"}, {kV2 + "/a/cpu.max", "200000 100000\n"}, {kV2 + "/a/b/c/cpu.max", "max 100000\n"}},
       2},
      {"v2, the tightest of all",
       {{kSelf, "0::/a/b\n"},
        {kV2 + "/cpu.max", "400000 100000\n"},
        {kV2 + "/a/cpu.max", "300000 100000\n"},
        {kV2 + "/a/b/cpu.max", "350000 100000\n"}},
       3},
      {"v2, the host's path inside a container",
       {{kSelf, "0::/system.slice/docker-1234.scope\n"}, {kV2 + "/cpu.max", "250000 100000\n"}},
       2.5},
      {"v2, another group's limit",
       {{kSelf, "0::/a\n"}, {kV2 + "/b/cpu.max", "100000 100000\n"}, {kV2 + "/ab/cpu.max", "100000 100000\n"}},
       INFINITY},
      {"v2, a path that leaves the name space",
       {{kSelf, "0::/../../other\n"}, {kV2 + "/cpu.max", "300000 100000\n"}},
       3},
      {"v1", V1("", "150000\n", "50000\n"), 3},
      {"v1 without a limit", V1("", "-1\n", "100000\n"), INFINITY},
      {"v1, nested",
       Root::Files{{kSelf, "12:memory:/x\n4:cpu,cpuacct:/docker/1234\n0::/\n"}} + V1("/docker", "400000", "100000") +
           V1("/docker/1234", "100000", "100000") + V1("/x", "1000", "100000"),
       1},
      {"v1, mounted by the names of its controllers",
       {{kSelf, "4:cpuacct,cpu:/a\n"},
        {"/sys/fs/cgroup/cpuacct,cpu/a/cpu.cfs_quota_us", "70000"},
        {"/sys/fs/cgroup/cpuacct,cpu/a/cpu.cfs_period_us", "100000"}},
       .7},
      {"v1, cpuset is another controller", Root::Files{{kSelf, "4:cpuset:/a\n"}} + V1("/a", "100000", "100000"),
       INFINITY},
      {"v1 and v2 at once",
       Root::Files{{kSelf, "1:cpu:/a\n0::/b\n"}, {kV2 + "/b/cpu.max", "500000 100000"}} + V1("/a", "400000", "100000"),
       4},
      {"empty", {{kSelf, ""}, {kV2 + "/cpu.max", ""}}, INFINITY},
      {"words", {{kSelf, "no colons\n:\n::\n"}, {kV2 + "/cpu.max", "nonsense\n"}}, INFINITY},
      {"one number", {{kV2 + "/cpu.max", "100000\n"}}, INFINITY},
      {"a period of 0", {{kV2 + "/cpu.max", "100000 0\n"}}, INFINITY},
      {"a negative period", V1("", "100000", "-5"), INFINITY},
      {"a quota without its period", {{kV1 + "/cpu.cfs_quota_us", "100000\n"}}, INFINITY},
      {"huge numbers", {{kV2 + "/cpu.max", "999999999999999999 1\n"}}, 1e18},
      {"a long line", {{kSelf, "0::/" + std::string(100000, 'a')}, {kV2 + "/cpu.max", "200000 100000\n"}}, 2},
  };
  for (const auto& c : cases) {
    const Root root(c.files);
    const double quota = CpuQuota(root.path());
    CHECK(quota == c.quota, "%s: %g, want %g", c.what, quota, c.quota);
  }
}

TEST(ProcessorsAreThoseOfTheMaskAndTheQuota) {
  cpu_set_t before;
  CHECK(sched_getaffinity(0, sizeof(before), &before) == 0);
  const int mask = std::min(CPU_COUNT(&before), kMaxProcessors);
  const Root unlimited({}), half({{kV2 + "/cpu.max", "50000 100000"}}),
      one_and_a_bit({{kV2 + "/cpu.max", "100001 100000"}});
  CHECK(AvailableProcessors(unlimited.path()) == mask);
  CHECK(AvailableProcessors(half.path()) == 1);
  CHECK(AvailableProcessors(one_and_a_bit.path()) == std::min(mask, 2));

  cpu_set_t single;
  CPU_ZERO(&single);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (!CPU_ISSET(i, &before)) continue;
    CPU_SET(i, &single);
    break;
  }
  CHECK(sched_setaffinity(0, sizeof(single), &single) == 0);
  CHECK(AvailableProcessors(unlimited.path()) == 1);
  sched_setaffinity(0, sizeof(before), &before);
}

}  // namespace
}  // namespace lanewise::test
#endif
