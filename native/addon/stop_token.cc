#include "addon/stop_token.h"

#include "addon/environment.h"

namespace lanewise {
namespace {

class StopObject : public Napi::ObjectWrap<StopObject> {
 public:
  explicit StopObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {}
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "StopToken", {InstanceMethod<&StopObject::Stop>("stop")});
  }
  const std::shared_ptr<std::atomic<bool>>& flag() const { return flag_; }

 private:
  void Stop(const Napi::CallbackInfo&) { flag_->store(true, std::memory_order_relaxed); }

  std::shared_ptr<std::atomic<bool>> flag_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

void ExportStopToken(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = StopObject::Define(env);
  DataOf(env).stop_constructor = Napi::Persistent(constructor);
  exports.Set("StopToken", constructor);
}

std::shared_ptr<std::atomic<bool>> StopFlag(const Napi::CallbackInfo& info, size_t i) {
  auto* stop = info.Length() > i ? UnwrapAs<StopObject>(info[i], DataOf(info.Env()).stop_constructor) : nullptr;
  return stop != nullptr ? stop->flag() : std::make_shared<std::atomic<bool>>(false);
}

}  // namespace lanewise
