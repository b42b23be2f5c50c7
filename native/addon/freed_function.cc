#include "addon/freed_function.h"

#include <memory>
#include <utility>

#include "addon/environment.h"
#include "addon/executor.h"
#include "core/reclaim.h"

namespace lanewise {
namespace {

class FreedJob : public Job {
 public:
  explicit FreedJob(Napi::Env env) : Job(env, std::make_shared<std::atomic<bool>>(false)) {}

 protected:
  Status Execute(const std::atomic<bool>&) override {
    AwaitFreed();
    return Status::Ok();
  }
  Napi::Value Result(Napi::Env env) override { return env.Undefined(); }
};

Napi::Value Freed(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<FreedJob>(info.Env());
  const Napi::Promise promise = job->promise();
  const auto& completions = DataOf(info.Env()).completions;
  completions->Submit(completions, std::move(job));
  return promise;
}

}  // namespace

void ExportFreed(Napi::Env env, Napi::Object exports) {
  exports.Set("freed", Napi::Function::New(env, Freed, "freed"));
}

}  // namespace lanewise
