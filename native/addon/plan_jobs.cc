#include "addon/plan_jobs.h"

#include <cstring>

#include "addon/plan_object.h"
#include "addon/typed_arrays.h"

namespace lanewise {

RunJob::~RunJob() {
  if (copies_ != nullptr) plan_->ReturnCopies(std::move(copies_));
}

Status RunJob::CopyInputs(const std::vector<const void*>& inputs) {
  LANEWISE_RETURN_IF_ERROR(plan_->TakeCopies(&copies_));
  for (size_t i = 0; i < inputs.size(); ++i) inputs_.push_back(plan_->InputCopy(*copies_, i));
  for (size_t i = 0; i < plan_->outputs().size(); ++i) outputs_.push_back(plan_->OutputCopy(*copies_, i));
  return plan_->CopyInputs(inputs.data(), *copies_);
}

Status RunJob::Execute(const std::atomic<bool>& stop) {
  RunOptions options;
  options.inputs = inputs_.data();
  options.outputs = outputs_.data();
  options.has_copies = true;
  options.threads = threads_;
  options.stop = &stop;
  options.step_ms = step_ms_.empty() ? nullptr : step_ms_.data();
  return plan_->Run(options);
}

Napi::Value RunJob::Result(Napi::Env env) {
  Napi::Array outputs = Napi::Array::New(env, outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const PortInfo& port = plan_->outputs()[i];
    const Napi::TypedArray array = NewArray(env, port.type, static_cast<size_t>(port.elements()));
    if (array.ByteLength() > 0) std::memcpy(DataOfArray(array), outputs_[i], array.ByteLength());
    outputs.Set(static_cast<uint32_t>(i), array);
  }
  if (step_ms_.empty()) return outputs;
  Napi::Float64Array times = Napi::Float64Array::New(env, step_ms_.size());
  std::memcpy(times.Data(), step_ms_.data(), step_ms_.size() * sizeof(double));
  Napi::Object result = Napi::Object::New(env);
  result.Set("outputs", outputs);
  result.Set("stepMs", times);
  return result;
}

BuildJob::BuildJob(Napi::Env env, std::shared_ptr<std::atomic<bool>> stop, const Napi::Object& description,
                   PlanSpec spec, const KernelTable& kernels, std::shared_ptr<SharedWeights> shared,
                   const PlanOptions& options)
    : Job(env, std::move(stop)),
      spec_(std::move(spec)),
      kernels_(kernels),
      shared_(std::move(shared)),
      options_(options) {
  Borrow(description);
}

Status BuildJob::Execute(const std::atomic<bool>& stop) {
  options_.stop = &stop;
  PackCache own;
  return Plan::Create(spec_, kernels_, shared_ == nullptr ? own : shared_->packs, &plan_, options_);
}

Napi::Value BuildJob::Result(Napi::Env env) {
  if (shared_ != nullptr) shared_->Report();
  return WrapPlan(env, std::move(plan_));
}

}  // namespace lanewise
