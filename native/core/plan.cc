#include "core/plan.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <set>

#include "core/clock.h"
#include "core/flush.h"
#include "core/order.h"
#include "core/threads.h"
#include "cpu/features.h"

namespace lanewise {
namespace {

constexpr size_t kLine = kAlignment / sizeof(float);
size_t RoundUp(size_t floats) { return (floats + kLine - 1) / kLine * kLine; }

// A step with more work than this per thread is done in pieces, and the stop flag is looked at before each: a
// millisecond or two of a vectorised convolution, or of moving data.
constexpr int64_t kPieceMacs = int64_t{1} << 26, kPieceBytes = int64_t{1} << 24;

// A step is shared by as many threads as have this much to do each: less is done before another core has heard of it.
constexpr double kWorthSharing = 2e-6;  // seconds

int UsefulThreads(const StepInfo& info) {
  // Roughly what one core does.
  const double seconds = static_cast<double>(info.macs) / 60e9 + static_cast<double>(info.bytes) / 30e9;
  return static_cast<int>(std::min(seconds / kWorthSharing, static_cast<double>(ThreadPool::kMaxThreads)));
}

// Of the second cache, for weights that steps bring there right before they are read.
constexpr size_t kAheadShare = 4;
// A weight of a step that memory limits meets at most so many pixels.
constexpr int64_t kFewPixels = 8;
// How long before they are read the weights of such a step may be brought into the last cache, in multiply-adds of the
// steps between: two milliseconds of one core, after which other programs on the machine may have taken their place.
constexpr int64_t kAheadMacs = 150'000'000;

// Each step brings the first weights of the next ones into the second cache, at its end. Those that are read only once,
// by products with one vector, it brings into the last cache before, as far as it has time.
void ReadAhead(std::vector<std::unique_ptr<Step>>& steps) {
  std::vector<std::vector<WeightSpan>> spans(steps.size());
  std::vector<int64_t> spare;
  for (const auto& step : steps) spare.push_back(step->ReadsAhead());
  for (size_t i = 0; i < steps.size(); ++i) {
    WeightSpan rest = steps[i]->weights();
    if (steps[i]->info.macs > kFewPixels * rest.size) continue;
    int64_t macs = 0;
    for (size_t before = i; before-- > 0 && rest.size > 0 && macs < kAheadMacs;) {
      const int64_t size = std::min(rest.size, spare[before]);
      if (size > 0) spans[before].push_back({rest.data, size});
      spare[before] -= size;
      rest = {rest.data + size, rest.size - size};
      macs += steps[before]->info.macs;
    }
  }
  const auto budget = static_cast<int64_t>(Caches().l2_bytes / kAheadShare / sizeof(float));
  for (size_t i = 0; i < steps.size(); ++i) {
    int64_t left = budget;
    for (size_t next = i + 1; next < steps.size() && left > 0; ++next) {
      WeightSpan span = steps[next]->weights();
      span.size = std::min(span.size, left);
      left -= span.size;
      if (span.size > 0) spans[i].push_back(span);
    }
    steps[i]->ReadAhead(spans[i]);
  }
}

bool IsSet(const std::atomic<bool>* stop) { return stop != nullptr && stop->load(std::memory_order_relaxed); }

// The items of a step that a worker did last, without a gap.
struct alignas(kAlignment) Done {
  size_t begin = 0, end = SIZE_MAX;
};

struct StepTask {
  const Step* step;
  float* const* tensors;
  float* scratch;
  size_t scratch_size;  // per worker
  const std::atomic<bool>* stop;
  size_t pieces;  // per thread
  RunFailure* failure;
  Done* done;  // by worker
};

void RunStep(void* argument, size_t begin, size_t end, int worker) {
  const auto& task = *static_cast<const StepTask*>(argument);
  RunContext context{task.tensors, task.scratch + static_cast<size_t>(worker) * task.scratch_size, task.failure};
  Done& done = task.done[worker];
  const size_t count = end - begin, pieces = std::min(count, task.pieces);
  for (size_t i = 0; i < pieces && !IsSet(task.stop); ++i) {
    const size_t first = begin + count * i / pieces, last = begin + count * (i + 1) / pieces;
    if (done.end != first) done.begin = first;
    context.since = done.begin;
    task.step->Run(context, first, last);
    done.end = last;
  }
}

}  // namespace

Status Plan::Create(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, std::unique_ptr<Plan>* plan,
                    const PlanOptions& options) {
  return ReportOutOfMemory([&] { return Build(spec, kernels, packs, plan, options); });
}

Status Plan::Build(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, std::unique_ptr<Plan>* plan,
                   const PlanOptions& options) {
  LANEWISE_RETURN_IF_ERROR(CheckOrder(spec));
  // Again without the forms that fail their self-check, if any do.
  for (std::set<int> direct;;) {
    std::set<int> failed;
    LANEWISE_RETURN_IF_ERROR(TryToBuild(spec, kernels, packs, plan, options, direct, &failed));
    if (failed.empty()) return Status::Ok();
    direct.merge(failed);
  }
}

Status Plan::TryToBuild(const PlanSpec& spec, const KernelTable& kernels, PackCache& packs, std::unique_ptr<Plan>* plan,
                        const PlanOptions& options, const std::set<int>& direct, std::set<int>* failed) {
  PlanBuilder builder(spec, kernels, packs, options, direct);
  LANEWISE_RETURN_IF_ERROR(builder.Begin());
  for (size_t i = 0; i < spec.steps.size(); ++i) {
    if (IsSet(options.stop)) return {Code::kAborted, "the plan was not finished"};
    LANEWISE_RETURN_IF_ERROR(builder.BuildStep(spec.steps[i], static_cast<int>(i)));
  }
  LANEWISE_RETURN_IF_ERROR(builder.Finish());
  LANEWISE_RETURN_IF_ERROR(builder.PackAll());
  if (!builder.failed_.empty()) {
    *failed = std::move(builder.failed_);
    return Status::Ok();
  }

  std::unique_ptr<Plan> p(new Plan);
  p->kernels_ = &kernels;
  for (const PortSpec& port : spec.inputs)
    p->inputs_.push_back({builder.value(port.value).type, builder.shape(port.value)});
  for (const PortSpec& port : spec.outputs) {
    p->outputs_.push_back({builder.value(port.value).type, builder.shape(port.value)});
  }
  p->halo_copies_ = std::move(builder.halo_copies_);
  std::vector<size_t> input_sizes;
  for (const PortInfo& port : p->inputs_) input_sizes.push_back(port.floats());
  for (const Storage& s : builder.storages_) {
    if (s.kind == Storage::Kind::kArena && s.port != kNone)
      input_sizes[static_cast<size_t>(s.port)] = static_cast<size_t>(s.size);
  }
  const auto reserve = [&](size_t floats) {
    const size_t begin = p->copies_size_;
    p->copies_size_ += RoundUp(floats);
    return begin;
  };
  for (const size_t size : input_sizes) p->input_copies_.push_back(reserve(size));
  for (const PortInfo& port : p->outputs_) p->output_copies_.push_back(reserve(port.floats()));
  p->placed_ = std::move(builder.placed_);
  p->storages_ = std::move(builder.storages_);
  p->steps_ = std::move(builder.steps_);
  ReadAhead(p->steps_);
  p->constants_ = std::move(builder.packed_);
  std::set<const Buffer*> seen;
  for (const auto& buffer : p->constants_) {
    if (seen.insert(buffer.get()).second) p->constant_bytes_ += buffer->bytes();
  }
  p->own_constant_bytes_ = builder.own_bytes_;
  p->arena_size_ = builder.arena_size_;
  p->scratch_ = RoundUp(builder.scratch_);
  *plan = std::move(p);
  return Status::Ok();
}

int Plan::step_threads(size_t i) const {
  const auto items = static_cast<int>(std::min<size_t>(steps_[i]->items(), ThreadPool::kMaxThreads));
  return std::max(1, std::min(items, UsefulThreads(steps_[i]->info)));
}

size_t Plan::held_bytes() const { return own_constant_bytes_ + arenas_.bytes() + copies_.bytes(); }

Status Plan::CopyInputs(const void* const* inputs, Buffer& copies) const {
  return ReportOutOfMemory([&] {
    CopyWithHalos(inputs, copies);
    return Status::Ok();
  });
}

void Plan::CopyWithHalos(const void* const* inputs, Buffer& copies) const {
  std::set<int> done;
  if (!halo_copies_.empty()) {
    std::vector<float*> tensors(placed_.size());
    for (size_t i = 0; i < placed_.size(); ++i) {
      const Storage& s = storages_[static_cast<size_t>(placed_[i].storage)];
      if (s.port == kNone) continue;
      const auto port = static_cast<size_t>(s.port);
      if (s.kind == Storage::Kind::kInput) tensors[i] = static_cast<float*>(const_cast<void*>(inputs[port]));
      if (s.kind == Storage::Kind::kArena) tensors[i] = InputCopy(copies, port) + placed_[i].origin;
    }
    for (const HaloCopy& copy : halo_copies_) {
      const Step& step = *steps_[copy.step];
      step.Run({tensors.data(), nullptr}, 0, step.items());
      done.insert(copy.port);
    }
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const auto bytes = static_cast<size_t>(inputs_[i].elements() * ElementBytes(inputs_[i].type));
    if (bytes > 0 && done.count(static_cast<int>(i)) == 0) std::memcpy(InputCopy(copies, i), inputs[i], bytes);
  }
}

Status Plan::Run(const RunOptions& options) {
  return ReportOutOfMemory([&] { return RunSteps(options); });
}

Status Plan::RunSteps(const RunOptions& options) {
  ThreadPool::Session session(options.threads);
  std::unique_ptr<Buffer> arena;
  const size_t arena_size =
      RoundUp(static_cast<size_t>(arena_size_)) + scratch_ * static_cast<size_t>(session.threads());
  LANEWISE_RETURN_IF_ERROR(arenas_.Take(arena_size, &arena));

  alignas(kAlignment) static float nowhere[kLine];
  std::vector<float*> tensors(placed_.size());
  for (size_t i = 0; i < placed_.size(); ++i) {
    const Storage& s = storages_[static_cast<size_t>(placed_[i].storage)];
    float* base = nullptr;
    switch (s.kind) {
      case Storage::Kind::kArena:
        if (options.has_copies && s.port != kNone) {
          base = const_cast<float*>(options.inputs[s.port]);
        } else {
          base = arena->data() + s.offset;
        }
        break;
      case Storage::Kind::kInput:
        // Never written: a step writes only what Out gave it.
        base = const_cast<float*>(options.inputs[s.port]);
        break;
      case Storage::Kind::kOutput: base = options.outputs[s.port]; break;
      case Storage::Kind::kConstant: base = s.buffer->data(); break;
    }
    // Without elements there may be no memory, but steps add offsets before they find out that there is nothing to do.
    tensors[i] = base == nullptr ? nowhere : base + placed_[i].origin;
  }

  const ScopedFlush flush;
  RunFailure failure;
  Done done[ThreadPool::kMaxThreads];
  StepTask task{nullptr,
                tensors.data(),
                arena->data() + RoundUp(static_cast<size_t>(arena_size_)),
                scratch_,
                options.stop,
                1,
                &failure,
                done};
  Status status = Status::Ok();
  using Clock = std::chrono::steady_clock;
  auto copy = halo_copies_.begin();
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (copy != halo_copies_.end() && copy->step == i) {
      ++copy;
      if (options.has_copies) continue;
    }
    const Clock::time_point start = options.step_ms == nullptr ? Clock::time_point() : Clock::now();
    task.step = steps_[i].get();
    std::fill_n(done, session.threads(), Done{});
    const int64_t work = task.step->info.macs / kPieceMacs + task.step->info.bytes / kPieceBytes;
    task.pieces = 1 + static_cast<size_t>(work / session.threads());
    session.Run(steps_[i]->items(), RunStep, &task, UsefulThreads(task.step->info));
    if (failure.any()) {
      status = failure.status();
      break;
    }
    if (options.step_ms != nullptr) {
      options.step_ms[i] = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
      if (options.step_clock != nullptr) options.step_clock[i] = CoreClock();
    }
    if (IsSet(options.stop)) {
      status = {Code::kAborted, "the run was aborted"};
      break;
    }
  }
  arenas_.Return(std::move(arena));
  return status;
}

}  // namespace lanewise
