#include "addon/plan_object.h"

#include <memory>
#include <string>
#include <vector>

#include "addon/environment.h"
#include "addon/errors.h"
#include "addon/external_memory.h"
#include "addon/plan_jobs.h"
#include "addon/plan_spec.h"
#include "addon/stop_token.h"
#include "addon/typed_arrays.h"
#include "core/plan.h"
#include "core/reclaim.h"
#include "core/self_check.h"
#include "core/threads.h"
#include "cpu/dispatch.h"

namespace lanewise {
namespace {

class WeightsObject : public Napi::ObjectWrap<WeightsObject> {
 public:
  explicit WeightsObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), shared_(std::make_shared<SharedWeights>(info.Env())) {}
  ~WeightsObject() override {
    shared_->memory.Close();
    const size_t bytes = shared_->packs.bytes();
    FreeSoon(std::move(shared_), bytes);
  }
  WeightsObject(const WeightsObject&) = delete;
  WeightsObject& operator=(const WeightsObject&) = delete;
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Weights",
        {InstanceAccessor<&WeightsObject::Bytes>("bytes"), InstanceMethod<&WeightsObject::Clear>("clear")});
  }
  const std::shared_ptr<SharedWeights>& shared() const { return shared_; }

 private:
  Napi::Value Bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(shared_->packs.bytes()));
  }
  void Clear(const Napi::CallbackInfo&) {
    const size_t bytes = shared_->packs.bytes();
    FreeSoon(shared_->packs.TakeAll(), bytes);
    shared_->Report();
    ReturnFreeMemory();
  }

  std::shared_ptr<SharedWeights> shared_;
};

// What a plan is made with: (spec, weights | undefined, isa | undefined, {threads, strict} | undefined)
struct PlanArguments {
  explicit PlanArguments(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsObject()) throw Napi::TypeError::New(env, "Plan: expected a description");
    description = info[0].As<Napi::Object>();
    auto* weights = info.Length() > 1 ? UnwrapAs<WeightsObject>(info[1], DataOf(env).weights_constructor) : nullptr;
    if (weights != nullptr) shared = weights->shared();
    if (info.Length() > 2 && info[2].IsString()) {
      ThrowIfError(env, FindKernels(info[2].As<Napi::String>().Utf8Value(), &kernels));
    } else {
      ThrowIfError(env, ActiveKernels(&kernels));
    }
    options.fail_self_check = SelfCheckFromEnvironment().fail;
    if (info.Length() > 3 && info[3].IsObject()) {
      const auto object = info[3].As<Napi::Object>();
      const Napi::Value threads = object.Get("threads");
      if (threads.IsNumber()) options.threads = threads.As<Napi::Number>().Int32Value();
      options.strict = object.Get("strict").ToBoolean();
    }
  }

  Napi::Object description;
  std::shared_ptr<SharedWeights> shared;  // null: the plan packs for itself
  const KernelTable* kernels = nullptr;
  PlanOptions options;
};

class PlanObject : public Napi::ObjectWrap<PlanObject> {
 public:
  // new Plan(...PlanArguments); from WrapPlan, the plan itself
  explicit PlanObject(const Napi::CallbackInfo& info) : ObjectWrap(info), memory_(info.Env()) {
    if (info.Length() > 0 && info[0].IsExternal()) {
      plan_ = *info[0].As<Napi::External<std::shared_ptr<Plan>>>().Data();
      Report();
      return;
    }
    const PlanArguments arguments(info);
    const PlanSpec spec = ReadPlanSpec(arguments.description);
    PackCache own;
    PackCache& packs = arguments.shared == nullptr ? own : arguments.shared->packs;
    std::unique_ptr<Plan> plan;
    ThrowIfError(info.Env(), Plan::Create(spec, *arguments.kernels, packs, &plan, arguments.options));
    plan_ = std::move(plan);
    if (arguments.shared == nullptr) {
      memory_.Close();  // it lives for one call, too short a time for the collector
    } else {
      arguments.shared->Report();
      Report();
    }
  }
  ~PlanObject() override { Free(); }
  PlanObject(const PlanObject&) = delete;
  PlanObject& operator=(const PlanObject&) = delete;

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Plan",
        {InstanceMethod<&PlanObject::Run>("run"), InstanceMethod<&PlanObject::RunSync>("runSync"),
         InstanceMethod<&PlanObject::Dispose>("dispose"), InstanceAccessor<&PlanObject::Steps>("steps"),
         InstanceAccessor<&PlanObject::ArenaBytes>("arenaBytes"), InstanceAccessor<&PlanObject::HeldBytes>("heldBytes"),
         InstanceAccessor<&PlanObject::ConstantBytes>("constantBytes"), InstanceAccessor<&PlanObject::Isa>("isa")});
  }

 private:
  Plan& Live(Napi::Env env) const {
    if (plan_ == nullptr) throw ToError(env, Status::Internal("the plan was disposed"));
    return *plan_;
  }

  // Arrays of the types and lengths of `ports`; anything else is an error before any work.
  static std::vector<Napi::TypedArray> Arrays(const Napi::Value& value, const std::vector<PortInfo>& ports,
                                              const char* what) {
    const Napi::Env env = value.Env();
    if (!value.IsArray() || value.As<Napi::Array>().Length() != ports.size()) {
      throw Napi::TypeError::New(env, std::string(what) + ": expected " + std::to_string(ports.size()) + " arrays");
    }
    const auto array = value.As<Napi::Array>();
    std::vector<Napi::TypedArray> result;
    for (uint32_t i = 0; i < ports.size(); ++i) {
      const Napi::Value item = array.Get(i);
      if (!IsArrayOf(item, ports[i].type)) {
        throw Napi::TypeError::New(env, std::string(what) + ": expected " + ArrayName(ports[i].type) + "s");
      }
      result.push_back(item.As<Napi::TypedArray>());
      const int64_t expected = ports[i].elements();
      if (static_cast<int64_t>(result.back().ElementLength()) != expected) {
        throw Napi::RangeError::New(env, std::string(what) + ": expected " + std::to_string(expected) +
                                             " elements, got " + std::to_string(result.back().ElementLength()));
      }
    }
    return result;
  }

  static int Threads(const Napi::CallbackInfo& info, size_t i) {
    if (info.Length() > i && info[i].IsNumber()) {
      const int32_t threads = info[i].As<Napi::Number>().Int32Value();
      if (threads >= 1) return threads < ThreadPool::kMaxThreads ? threads : ThreadPool::kMaxThreads;
    }
    return ThreadPool::Instance().threads();
  }

  static double* PerStep(const Napi::CallbackInfo& info, size_t i, const Plan& plan) {
    if (info.Length() <= i || info[i].IsUndefined()) return nullptr;
    const bool typed = info[i].IsTypedArray() && info[i].As<Napi::TypedArray>().TypedArrayType() == napi_float64_array;
    if (!typed || info[i].As<Napi::TypedArray>().ElementLength() != plan.step_count()) {
      throw Napi::TypeError::New(info.Env(), "times: expected a Float64Array with an element per step");
    }
    return info[i].As<Napi::Float64Array>().Data();
  }

  // run(inputs, threads | undefined, stop | undefined, timed) -> Promise of outputs, or of {outputs, stepMs}
  Napi::Value Run(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Plan& plan = Live(env);
    const auto inputs = Arrays(info[0], plan.inputs(), "inputs");
    auto job = std::make_unique<RunJob>(env, StopFlag(info, 2), plan_);
    job->set_threads(Threads(info, 1));
    std::vector<const void*> data;
    for (const Napi::TypedArray& input : inputs) data.push_back(DataOfArray(input));
    ThrowIfError(env, job->CopyInputs(data));
    if (info.Length() > 3 && info[3].ToBoolean()) job->Time();
    const Napi::Promise promise = job->promise();
    const auto& completions = DataOf(env).completions;
    completions->Submit(completions, std::move(job));
    Report();
    return promise;
  }

  // runSync(inputs, outputs | undefined, threads | undefined, ms?: Float64Array, clocks?: Float64Array) -> outputs; the
  // last two get an element per step
  Napi::Value RunSync(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    Plan& plan = Live(env);
    const auto inputs = Arrays(info[0], plan.inputs(), "inputs");
    std::vector<Napi::TypedArray> outputs;
    if (info.Length() > 1 && info[1].IsArray()) {
      outputs = Arrays(info[1], plan.outputs(), "outputs");
    } else {
      for (const PortInfo& port : plan.outputs()) {
        outputs.push_back(NewArray(env, port.type, static_cast<size_t>(port.elements())));
      }
    }
    std::vector<const float*> in;
    std::vector<float*> out;
    for (const auto& a : inputs) in.push_back(static_cast<const float*>(DataOfArray(a)));
    for (auto& a : outputs) out.push_back(static_cast<float*>(DataOfArray(a)));
    RunOptions options;
    options.inputs = in.data();
    options.outputs = out.data();
    options.threads = Threads(info, 2);
    options.step_ms = PerStep(info, 3, plan);
    options.step_clock = PerStep(info, 4, plan);
    ThrowIfError(env, plan.Run(options));
    Report();
    Napi::Array result = Napi::Array::New(env, outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) result.Set(static_cast<uint32_t>(i), outputs[i]);
    return result;
  }

  void Dispose(const Napi::CallbackInfo&) { Free(); }
  // Runs in flight keep the plan.
  void Free() {
    memory_.Close();
    if (plan_ == nullptr) return;
    const size_t bytes = plan_->constant_bytes() + plan_->held_bytes();
    FreeSoon(std::move(plan_), bytes);
  }
  // What the runs before have made; a run off this thread is seen by the next.
  void Report() { memory_.Set(plan_->held_bytes()); }

  Napi::Value Steps(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Plan& plan = Live(env);
    Napi::Array steps = Napi::Array::New(env, plan.step_count());
    for (size_t i = 0; i < plan.step_count(); ++i) {
      const StepInfo& s = plan.step_info(i);
      Napi::Object step = Napi::Object::New(env);
      step.Set("name", s.name);
      step.Set("op", s.op);
      step.Set("kernel", s.kernel);
      step.Set("macs", static_cast<double>(s.macs));
      step.Set("bytes", static_cast<double>(s.bytes));
      step.Set("items", static_cast<double>(plan.step_items(i)));
      step.Set("threads", plan.step_threads(i));
      steps.Set(static_cast<uint32_t>(i), step);
    }
    return steps;
  }
  Napi::Value ArenaBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Live(info.Env()).arena_bytes()));
  }
  Napi::Value HeldBytes(const Napi::CallbackInfo& info) {
    const Plan& plan = Live(info.Env());
    Report();
    return Napi::Number::New(info.Env(), static_cast<double>(plan.held_bytes()));
  }
  Napi::Value ConstantBytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(Live(info.Env()).constant_bytes()));
  }
  Napi::Value Isa(const Napi::CallbackInfo& info) {
    return Napi::String::New(info.Env(), Live(info.Env()).kernels().isa);
  }

  std::shared_ptr<Plan> plan_;
  ExternalMemory memory_;
};

// buildPlan(...PlanArguments, stop | undefined) -> Promise of a Plan. What the description refers to must not change
// until then.
Napi::Value BuildPlan(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const PlanArguments arguments(info);
  PlanSpec spec = ReadPlanSpec(arguments.description);
  auto job = std::make_unique<BuildJob>(env, StopFlag(info, 4), arguments.description, std::move(spec),
                                        *arguments.kernels, arguments.shared, arguments.options);
  const Napi::Promise promise = job->promise();
  const auto& completions = DataOf(env).completions;
  completions->Submit(completions, std::move(job));
  return promise;
}

}  // namespace

Napi::Object WrapPlan(Napi::Env env, std::shared_ptr<Plan> plan) {
  return DataOf(env).plan_constructor.New({Napi::External<std::shared_ptr<Plan>>::New(env, &plan)});
}

void ExportPlan(Napi::Env env, Napi::Object exports) {
  EnvironmentData& data = DataOf(env);
  const auto define = [&](const char* name, const Napi::Function& constructor, Napi::FunctionReference* reference) {
    *reference = Napi::Persistent(constructor);
    exports.Set(name, constructor);
  };
  define("Plan", PlanObject::Define(env), &data.plan_constructor);
  define("Weights", WeightsObject::Define(env), &data.weights_constructor);
  exports.Set("buildPlan", Napi::Function::New(env, BuildPlan, "buildPlan"));
}

}  // namespace lanewise
