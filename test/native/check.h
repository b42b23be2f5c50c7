// A test harness small enough to read: no dependency, so a fresh clone can run it.
//
//   TEST(RowsAreCopied) { CHECK(a == b); CHECK(wrong == 0, "%s n=%zu: %zu wrong", isa, n, wrong); }
//
// A failed CHECK is reported and the test goes on; after kMaxReports the rest of a test only counts.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <vector>

namespace lanewise::test {

struct TestCase {
  const char* name;
  void (*body)();
};

struct Results {
  std::vector<TestCase> cases;
  int failures = 0;  // of the running test
  static constexpr int kMaxReports = 10;
};

inline Results& results() {
  static Results instance;
  return instance;
}

struct Registration {
  Registration(const char* name, void (*body)()) { results().cases.push_back({name, body}); }
};

inline void Fail(const char* file, int line, const char* condition) {
  if (results().failures++ < Results::kMaxReports) std::printf("  %s:%d: %s\n", file, line, condition);
}

#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
inline void
Fail(const char* file, int line, const char* condition, const char* format, ...) {
  if (results().failures++ >= Results::kMaxReports) return;
  std::printf("  %s:%d: %s: ", file, line, condition);
  va_list arguments;
  va_start(arguments, format);
  std::vprintf(format, arguments);
  va_end(arguments);
  std::printf("\n");
}

}  // namespace lanewise::test

#define TEST(name)                                                                    \
  static void Test##name();                                                           \
  static const ::lanewise::test::Registration registration_##name{#name, Test##name}; \
  static void Test##name()

#define CHECK(condition, ...)                                                                \
  do {                                                                                       \
    if (!(condition)) ::lanewise::test::Fail(__FILE__, __LINE__, #condition, ##__VA_ARGS__); \
  } while (0)
