// The tests' own instruments: a guard page that would not catch anything makes every other test worthless.
#include "guarded_buffer.h"
#include "reference.h"

#if !defined(_WIN32)
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace lanewise::test {
namespace {

TEST(FreshMemoryIsPoison) {
  GuardedBuffer buffer(37, Guard::kAfter);
  for (float x : buffer) CHECK(IsPoison(x));
}

TEST(UlpDistance) {
  CHECK(UlpError(1.f, 1.0) == 0);
  CHECK(UlpError(std::nextafter(1.f, 2.f), 1.0) == 1);
  CHECK(UlpError(kNan, kNan) == 0);
  CHECK(UlpError(1.f, kNan) > 1e6 && UlpError(kNan, 1.0) > 1e6 && UlpError(kInf, 1.0) > 1e6);
  CHECK(UlpError(-kInf, kInf) > 1e6);
}

#if !defined(_WIN32)
// The signal that ends a child which does this.
template <typename Action>
int SignalOf(const Action& action) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
bool IsFault(int signal) { return signal == SIGSEGV || signal == SIGBUS; }

// Negative controls: one element too many has to end the process, for plain accesses and for kernels, which reach the
// data through a table and so cannot be narrowed by the compiler.
TEST(GuardPagesCatchOneElementTooMany) {
  for (size_t size : {size_t{1}, size_t{7}, size_t{1024}, size_t{5000}}) {
    GuardedBuffer left(size, Guard::kBefore), right(size, Guard::kAfter);
    volatile float* first = left.data();
    volatile float* last = right.data() + size - 1;
    CHECK(SignalOf([&] { first[0] = last[0]; }) == 0);
    CHECK(IsFault(SignalOf([&] { (void)first[-1]; })));
    CHECK(IsFault(SignalOf([&] { first[-1] = 0; })));
    CHECK(IsFault(SignalOf([&] { (void)last[1]; })));
    CHECK(IsFault(SignalOf([&] { last[1] = 0; })));
  }
#if !defined(__SANITIZE_ADDRESS__)
  for (const KernelTable* table : Tables()) {
    const size_t n = 37;
    GuardedBuffer x(n, Guard::kAfter), y(n + 1, Guard::kAfter);
    const UnaryRow row = table->unary[static_cast<int>(Unary::kAbs)];
    CHECK(SignalOf([&] { row(x.data(), y.data(), n, 0, 0); }) == 0, "%s", table->isa);
    CHECK(IsFault(SignalOf([&] { row(x.data(), y.data(), n + 1, 0, 0); })), "%s reads", table->isa);
    CHECK(IsFault(SignalOf([&] { row(y.data(), x.data(), n + 1, 0, 0); })), "%s writes", table->isa);
  }
#endif
}
#endif

}  // namespace
}  // namespace lanewise::test
