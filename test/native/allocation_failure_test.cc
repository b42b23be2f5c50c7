// Memory that runs out at any allocation while a plan is compiled or run: a Status, nothing leaked, nothing broken.
#if !defined(_WIN32)
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "core/monitor.h"
#include "core/plan.h"
#include "core/threads.h"
#include "epilogue_cases.h"
#include "failing_allocation.h"
#include "random_net.h"

namespace lanewise::test {
namespace {

constexpr int kThreads = 4;

// Arrays for the runs of a plan, made while memory is there.
struct Arrays {
  explicit Arrays(const Plan& plan) {
    for (const PortInfo& port : plan.inputs()) inputs.emplace_back(static_cast<size_t>(port.elements()), .5f);
    for (const PortInfo& port : plan.outputs()) outputs.emplace_back(static_cast<size_t>(port.elements()));
    for (auto& input : inputs) in.push_back(input.data());
    for (auto& output : outputs) out.push_back(output.data());
  }
  RunOptions options() const {
    RunOptions o;
    o.inputs = in.data();
    o.outputs = out.data();
    o.threads = kThreads;
    return o;
  }
  std::vector<std::vector<float>> inputs, outputs;
  std::vector<const float*> in;
  mutable std::vector<float*> out;
};

Status CompileAndRun(const PlanSpec& spec, const KernelTable& kernels, const RunOptions& run) {
  return ReportOutOfMemory([&]() -> Status {
    PackCache packs;
    std::unique_ptr<Plan> plan;
    PlanOptions options;
    options.strict = false;
    options.threads = kThreads;
    LANEWISE_RETURN_IF_ERROR(Plan::Create(spec, kernels, packs, &plan, options));
    return plan->Run(run);
  });
}

// Starting a thread allocates, and the thread frees that when it gets to run: here all of them have.
void StartThreads() {
  std::atomic<int> there{0};
  ThreadPool::Session session(kThreads);
  const auto wait_for_all = [](void* argument, size_t, size_t, int) {
    auto& count = *static_cast<std::atomic<int>*>(argument);
    ++count;
    while (count < kThreads) YieldThread();
  };
  session.Run(kThreads, wait_for_all, &there);
}

TEST(EveryAllocationMayFail) {
  StartThreads();
  const KernelTable* kernels = Tables().back();
  const size_t stride = QuickLevel() ? 23 : 1;
  size_t refused = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const RandomNet net(seed, 3 + seed % 18);
    PackCache packs;
    std::unique_ptr<Plan> plan;
    CHECK(Plan::Create(net.spec, *kernels, packs, &plan).ok());
    if (plan == nullptr) continue;
    const Arrays arrays(*plan);
    const RunOptions run = arrays.options();
    CHECK(plan->Run(run).ok());
    CHECK(CompileAndRun(net.spec, *kernels, run).ok());
    const auto expected = arrays.outputs;
    for (const Refuse refuse : {Refuse::kOne, Refuse::kAllFrom}) {
      for (size_t n = 1;; n += stride) {
        const ptrdiff_t before = LiveAllocations();
        bool reached, ok, reported;
        {
          FailAllocation(n, refuse);
          const Status status = CompileAndRun(net.spec, *kernels, run);
          reached = RequestsSeen() >= n;
          FailAllocation(0);
          ok = status.ok();
          reported = status.code == Code::kOutOfMemory;
        }
        CHECK(LiveAllocations() == before, "seed %d, allocation %zu: %td leaked", static_cast<int>(seed), n,
              LiveAllocations() - before);
        // A sort does without its buffer when it gets none; then the results are right.
        CHECK(reported || (ok && (!reached || refuse == Refuse::kOne)), "seed %d, allocation %zu of %s",
              static_cast<int>(seed), n, refuse == Refuse::kOne ? "one" : "all");
        if (ok) CHECK(arrays.outputs == expected, "seed %d, allocation %zu: wrong results", static_cast<int>(seed), n);
        if (!reached) break;
        refused += reported;
      }
    }
    CHECK(plan->Run(run).ok());
  }
  CHECK(refused > (QuickLevel() ? 100u : 5000u), "only %zu", refused);
}

// A kernel on a thread of the pool has nobody to tell that memory ran out: steps allocate nothing.
TEST(StepsAllocateNothing) {
  const KernelTable* kernels = Tables().back();
  for (uint64_t seed = 1; seed <= (QuickLevel() ? 30 : 300); ++seed) {
    const RandomNet net(seed, 3 + seed % 18);
    PackCache packs;
    std::unique_ptr<Plan> plan;
    CHECK(Plan::Create(net.spec, *kernels, packs, &plan).ok());
    if (plan == nullptr) continue;
    const Arrays arrays(*plan);
    CHECK(plan->Run(arrays.options()).ok());
    FailAllocation(0);
    CHECK(plan->Run(arrays.options()).ok());
    // The table of tensors, and no arena: the first run left one.
    CHECK(RequestsSeen() <= 1, "seed %d: %zu allocations", static_cast<int>(seed), RequestsSeen());
  }
}

TEST(LargeBuffersFailToo) {
  Buffer buffer;
  const ptrdiff_t before = LiveAllocations();
  for (const size_t floats : {size_t{1}, size_t{100}, size_t{1} << 19, (size_t{1} << 19) + 1, size_t{3} << 20}) {
    FailAllocation(1);
    Status status = buffer.Allocate(floats);
    FailAllocation(0);
#if defined(__SANITIZE_THREAD__)
    if (floats >= size_t{1} << 19) status.code = Code::kOutOfMemory;  // its mmap is not ours
#endif
    CHECK(status.code == Code::kOutOfMemory, "%zu floats: %s", floats, status.message.c_str());
    CHECK(buffer.Allocate(floats, true).ok());
    CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % kAlignment == 0);
    CHECK(buffer.data()[0] == 0 && buffer.data()[floats - 1] == 0);
    buffer.data()[floats - 1] = 1;
  }
  buffer = Buffer();
  CHECK(LiveAllocations() == before);
  CHECK(buffer.Allocate(SIZE_MAX / 8).code == Code::kOutOfMemory);
  CHECK(buffer.Allocate(SIZE_MAX).code == Code::kOutOfMemory);
}

}  // namespace
}  // namespace lanewise::test
#endif
