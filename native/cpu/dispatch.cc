#include "cpu/dispatch.h"

#include <cstdlib>
#include <cstring>

#include "cpu/features.h"

namespace lanewise {
namespace {

struct IsaEntry {
  const char* name;
  const KernelTable* table;  // null: not built
  bool supported;
};

// Best last. The first call fills the tables under the lock of a local static.
const std::vector<IsaEntry>& Entries() {
  static const std::vector<IsaEntry> entries = [] {
    const Features& f = DetectedFeatures();
    std::vector<IsaEntry> e = {{"scalar", scalar_table(), true}};
#if defined(__x86_64__) || defined(_M_X64)
    e.push_back({"avx2", avx2_table(), f.avx2});
    e.push_back({"avx512", avx512_table(), f.avx512});
    e.push_back({"neon", nullptr, false});
#elif defined(__aarch64__) || defined(_M_ARM64)
    e.push_back({"avx2", nullptr, false});
    e.push_back({"avx512", nullptr, false});
    e.push_back({"neon", neon_table(), f.neon});
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
    if (e.table != nullptr) names.push_back(e.name);
  }
  return names;
}

std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  for (const IsaEntry& e : Entries()) {
    if (e.table != nullptr && e.supported) names.push_back(e.name);
  }
  return names;
}

Status FindKernels(const std::string& isa, const KernelTable** table) {
  for (const IsaEntry& e : Entries()) {
    if (isa != e.name) continue;
    const char* fault = e.table == nullptr ? "is not built into this binary"
                        : !e.supported     ? "is not supported by this CPU"
                                           : nullptr;
    if (fault != nullptr) {
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
  return FindKernels(SupportedIsas().back(), table);
}

}  // namespace lanewise
