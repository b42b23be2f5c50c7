// What threads may do to each other: the pool shared by many runs, plans let go of while runs use them, flags that end
// runs at any moment. Also built with ThreadSanitizer (scripts/ci/threads.sh).
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "core/plan.h"
#include "core/reclaim.h"
#include "core/threads.h"
#include "epilogue_cases.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

int Rounds(int full) { return QuickLevel() ? full / 4 : full; }

template <typename Body>
void OnThreads(int count, const Body& body) {
  std::vector<std::thread> threads;
  for (int t = 0; t < count; ++t) threads.emplace_back([&body, t] { body(t); });
  for (std::thread& thread : threads) thread.join();
}

TEST(EveryItemIsDoneOnceOnAThreadOfItsOwn) {
  struct Task {
    std::vector<int> done;
    std::vector<std::atomic<int>> inside = std::vector<std::atomic<int>>(ThreadPool::kMaxThreads);
    std::atomic<int> faults{0};
    int threads = 0;
  };
  const auto work = [](void* argument, size_t begin, size_t end, int worker) {
    auto& task = *static_cast<Task*>(argument);
    if (worker < 0 || worker >= task.threads || task.inside[static_cast<size_t>(worker)]++ != 0) ++task.faults;
    for (size_t i = begin; i < end; ++i) ++task.done[i];
    --task.inside[static_cast<size_t>(worker)];
  };
  // Four users of one pool, each with another idea of how many threads there are; one of them changes the default.
  OnThreads(4, [&](int user) {
    Random random(static_cast<uint64_t>(user) + 1);
    for (int round = 0; round < Rounds(400); ++round) {
      if (user == 0) ThreadPool::Instance().SetThreads(static_cast<int>(random.Below(9)));
      ThreadPool::Session session(1 + static_cast<int>(random.Below(8)));
      for (int step = 0; step < 5; ++step) {
        Task task;
        task.done.assign(random.Below(40), 0);
        task.threads = session.threads();
        session.Run(task.done.size(), work, &task);
        CHECK(task.faults == 0 && task.done == std::vector<int>(task.done.size(), 1));
      }
    }
  });
  ThreadPool::Instance().SetThreads(0);
}

// One run of a model as the addon does it: arrays of its own, a share in the plan, a flag.
struct Run {
  explicit Run(std::shared_ptr<Plan> shared) : plan(std::move(shared)) {
    for (const PortInfo& port : plan->inputs()) inputs.emplace_back(static_cast<size_t>(port.elements()), .25f);
    for (const PortInfo& port : plan->outputs()) outputs.emplace_back(static_cast<size_t>(port.elements()));
  }
  Status operator()(int threads) {
    std::vector<const float*> in;
    std::vector<float*> out;
    for (auto& input : inputs) in.push_back(input.data());
    for (auto& output : outputs) out.push_back(output.data());
    RunOptions options;
    options.inputs = in.data();
    options.outputs = out.data();
    options.threads = threads;
    options.stop = &stop;
    return plan->Run(options);
  }
  std::shared_ptr<Plan> plan;
  std::vector<std::vector<float>> inputs, outputs;
  std::atomic<bool> stop{false};
};

TEST(RunsAreStoppedAndPlansLetGoOfAtAnyMoment) {
  const KernelTable* kernels = Tables().back();
  for (int round = 0; round < Rounds(40); ++round) {
    const RandomNet net(static_cast<uint64_t>(round) + 1, 8 + static_cast<size_t>(round) % 10);
    auto packs = std::make_unique<PackCache>();
    std::unique_ptr<Plan> made;
    CHECK(Plan::Create(net.spec, *kernels, *packs, &made).ok());
    std::shared_ptr<Plan> plan = std::move(made);
    if (plan == nullptr) continue;
    Run expected(plan);
    CHECK(expected(1).ok());

    constexpr int kRunners = 4;
    std::vector<std::unique_ptr<Run>> runs;
    for (int r = 0; r < kRunners; ++r) runs.push_back(std::make_unique<Run>(plan));
    std::thread disposer([&] {
      packs.reset();
      plan.reset();  // whichever run ends last frees it
      runs[0]->stop.store(true, std::memory_order_relaxed);
    });
    OnThreads(kRunners, [&](int r) {
      Run& run = *runs[static_cast<size_t>(r)];
      for (int repeat = 0; repeat < 3; ++repeat) {
        const Status status = run(1 + r);
        CHECK(status.ok() || (r == 0 && status.code == Code::kAborted));
        if (status.ok()) CHECK(run.outputs == expected.outputs, "round %d, run %d", round, r);
      }
      run.plan.reset();
    });
    disposer.join();
    expected.plan.reset();
  }
}

TEST(PlansOfOneModelAreMadeAtTheSameTime) {
  const KernelTable* kernels = Tables().back();
  for (int round = 0; round < Rounds(16); ++round) {
    const RandomNet net(static_cast<uint64_t>(round) + 50, 12);
    std::vector<std::shared_ptr<Plan>> plans(4);
    PackCache packs;
    OnThreads(4, [&](int t) {
      std::unique_ptr<Plan> plan;
      CHECK(Plan::Create(net.spec, *kernels, packs, &plan).ok());
      plans[static_cast<size_t>(t)] = std::move(plan);
    });
    Run expected(plans[0]);
    CHECK(expected(1).ok());
    OnThreads(4, [&](int t) {
      Run run(plans[static_cast<size_t>(t)]);
      CHECK(run(2).ok() && run.outputs == expected.outputs);
    });
  }
}

TEST(LargeMemoryIsFreedElsewhereAndAwaited) {
  static thread_local bool disposing = false;
  struct Owner {
    std::atomic<int>& freed;
    bool at_once;
    ~Owner() {
      CHECK(disposing == at_once);
      ++freed;
    }
  };
  const auto dispose = [](std::atomic<int>& freed, bool at_once, size_t bytes) {
    auto owner = std::shared_ptr<Owner>(new Owner{freed, at_once});
    disposing = true;
    FreeSoon(std::move(owner), bytes);
    disposing = false;
  };
  for (int round = 0; round < Rounds(200); ++round) {
    std::atomic<int> freed{0};
    OnThreads(3, [&](int user) {
      for (int i = 0; i < 5; ++i) {
        dispose(freed, true, 1000);
        dispose(freed, false, size_t{100} << 20);
        if (user == 0) ReturnFreeMemory();
      }
      if (user == 1) AwaitFreed();
    });
    AwaitFreed();
    CHECK(freed == 3 * 5 * 2);
  }
}

}  // namespace
}  // namespace lanewise::test
