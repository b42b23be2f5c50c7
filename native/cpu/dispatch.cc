#include "cpu/dispatch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "cpu/features.h"

namespace lanewise {
namespace {

struct IsaEntry {
  const char* name;
  bool built;
  const KernelTable* table;  // null: not built, or not for this CPU
  // Never chosen by itself: on a shared server an AMX unit was seen to slow down to the rate of AVX-512 for seconds at
  // a time, while the multiply-adds did not (docs/performance.md).
  bool on_request = false;
};

// An ISA's table is filled by code compiled for that ISA, so not even the table function may run on another CPU. There
// the ISA counts as built: all of an architecture are in one binary.
IsaEntry Entry(const char* name, bool supported, const KernelTable* (*table)()) {
  if (!supported) return {name, true, nullptr};
  const KernelTable* filled = table();
  return {name, filled != nullptr, filled};
}

// Widest last. The first call fills the tables under the lock of a local static.
const std::vector<IsaEntry>& Entries() {
  static const std::vector<IsaEntry> entries = [] {
    const Features& f = DetectedFeatures();
    std::vector<IsaEntry> e = {Entry("scalar", true, scalar_table)};
#if defined(__x86_64__) || defined(_M_X64)
    e.push_back(Entry("avx2", f.avx2, avx2_table));
    e.push_back(Entry("avx512", f.avx512, avx512_table));
    e.push_back(Entry("amx", f.amx, amx_table));
    e.back().on_request = true;
    e.push_back({"neon", false, nullptr});
#elif defined(__aarch64__) || defined(_M_ARM64)
    e.push_back({"avx2", false, nullptr});
    e.push_back({"avx512", false, nullptr});
    e.push_back({"amx", false, nullptr});
    e.push_back(Entry("neon", f.neon, neon_table));
#else
    (void)f;
#endif
    return e;
  }();
  return entries;
}

std::string Join(const std::vector<std::string>& names) {
  std::string s;
  for (const std::string& n : names) s += (s.empty() ? "" : ", ") + n;
  return s;
}

}  // namespace

std::vector<std::string> BuiltIsas() {
  std::vector<std::string> names;
  for (const IsaEntry& e : Entries()) {
    if (e.built) names.push_back(e.name);
  }
  return names;
}

std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  for (const IsaEntry& e : Entries()) {
    if (e.table != nullptr) names.push_back(e.name);
  }
  return names;
}

Status FindKernels(const std::string& isa, const KernelTable** table) {
  for (const IsaEntry& e : Entries()) {
    if (isa != e.name) continue;
    if (e.table == nullptr) {
      const char* fault = e.built ? "is not supported by this CPU" : "is not built into this binary";
      return {Code::kIsaUnavailable, "ISA '" + isa + "' " + fault + "; available here: " + Join(SupportedIsas())};
    }
    *table = e.table;
    return Status::Ok();
  }
  return {Code::kIsaUnavailable, "unknown ISA '" + isa + "'; available here: " + Join(SupportedIsas())};
}

Status ActiveKernels(const KernelTable** table) {
  static const std::string forced = [] {
    const char* value = std::getenv("LANEWISE_ISA");
    return std::string(value == nullptr ? "" : value);
  }();
  if (!forced.empty()) {
    Status status = FindKernels(forced, table);
    if (!status.ok()) status.message = "LANEWISE_ISA: " + status.message;
    return status;
  }
  const auto& entries = Entries();
  const auto best = std::find_if(entries.rbegin(), entries.rend(),
                                 [](const IsaEntry& e) { return e.table != nullptr && !e.on_request; });
  return FindKernels(best->name, table);
}

}  // namespace lanewise
