// Runs the registered tests.
//
//   lanewise_native_tests [--list] [--require=ISA[,ISA]] [part of a test's name ...]
//
// --require fails the run when an ISA is not built or not supported here, so that a skip cannot look like a pass.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "check.h"
#include "cpu/dispatch.h"

namespace {

// What takes longer says so: it is the first to look at when the machines of CI get slow.
constexpr double kSlow = 10;  // seconds

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

int main(int argc, char** argv) {
  using lanewise::test::results;
  std::vector<std::string> filters, required;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--list") {
      for (const auto& test : results().cases) std::printf("%s\n", test.name);
      return 0;
    }
    if (argument.rfind("--require=", 0) == 0) {
      for (size_t at = 10; at < argument.size();) {
        const size_t end = std::min(argument.find(',', at), argument.size());
        required.push_back(argument.substr(at, end - at));
        at = end + 1;
      }
    } else {
      filters.push_back(argument);
    }
  }

  int passed = 0, failed = 0;
  for (const auto& test : results().cases) {
    const bool wanted = filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& f) {
                          return std::strstr(test.name, f.c_str()) != nullptr;
                        });
    if (!wanted) continue;
    results().failures = 0;
    std::printf("%s\n", test.name);
    std::fflush(stdout);
    const auto start = std::chrono::steady_clock::now();
    test.body();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    if (taken.count() > kSlow) std::printf("  %.0f s\n", taken.count());
    if (results().failures > 0) std::printf("  FAILED, %d checks\n", results().failures);
    ++(results().failures > 0 ? failed : passed);
  }

  const std::vector<std::string> supported = lanewise::SupportedIsas(), built = lanewise::BuiltIsas();
  std::printf("ISAs run:");
  for (const std::string& isa : supported) std::printf(" %s", isa.c_str());
  for (const char* isa : {"scalar", "avx2", "avx512", "amx", "neon"}) {
    if (!Contains(supported, isa))
      std::printf("; %s skipped (%s)", isa, Contains(built, isa) ? "this CPU" : "not built");
  }
  std::printf("\n");
  for (const std::string& isa : required) {
    if (Contains(supported, isa)) continue;
    std::printf("required ISA did not run: %s\n", isa.c_str());
    ++failed;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}
