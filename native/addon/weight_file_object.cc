#include "addon/weight_file_object.h"

#include <utility>

#include "addon/environment.h"
#include "addon/errors.h"

namespace lanewise {
namespace {

class WeightFileObject : public Napi::ObjectWrap<WeightFileObject> {
 public:
  // new WeightFile(descriptor)
  explicit WeightFileObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    if (info.Length() < 1 || !info[0].IsNumber())
      throw Napi::TypeError::New(info.Env(), "WeightFile: expected a file descriptor");
    ThrowIfError(info.Env(), WeightFile::Open(info[0].As<Napi::Number>().Int32Value(), &file_));
  }
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "WeightFile",
        {InstanceMethod<&WeightFileObject::Read>("read"), InstanceMethod<&WeightFileObject::Close>("close")});
  }
  std::shared_ptr<const WeightFile> Live(Napi::Env env) const {
    if (file_ == nullptr) throw ToError(env, Status::Internal("the model file was closed"));
    return file_;
  }

 private:
  // read(offset, Uint8Array)
  void Read(const Napi::CallbackInfo& info) {
    const bool typed = info.Length() > 1 && info[0].IsNumber() && info[1].IsTypedArray() &&
                       info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
    if (!typed) throw Napi::TypeError::New(info.Env(), "read: expected an offset and a Uint8Array");
    auto into = info[1].As<Napi::Uint8Array>();
    ThrowIfError(info.Env(),
                 Live(info.Env())->Read(info[0].As<Napi::Number>().Int64Value(), into.ByteLength(), into.Data()));
  }
  // Builds under way keep the file.
  void Close(const Napi::CallbackInfo&) { file_.reset(); }

  std::shared_ptr<WeightFile> file_;
};

}  // namespace

void ExportWeightFile(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = WeightFileObject::Define(env);
  DataOf(env).weight_file_constructor = Napi::Persistent(constructor);
  exports.Set("WeightFile", constructor);
}

std::shared_ptr<const StoredWeights> ReadStoredWeights(const Napi::Value& data) {
  const Napi::Env env = data.Env();
  if (!data.IsObject() || data.IsTypedArray()) return nullptr;
  const auto object = data.As<Napi::Object>();
  const Napi::Value file = object.Get("file"), offset = object.Get("offset"), scale = object.Get("scale");
  const Napi::Function constructor = DataOf(env).weight_file_constructor.Value();
  if (!file.IsObject() || !file.As<Napi::Object>().InstanceOf(constructor) || !offset.IsNumber()) return nullptr;
  auto stored = std::make_shared<StoredWeights>();
  stored->file = Napi::ObjectWrap<WeightFileObject>::Unwrap(file.As<Napi::Object>())->Live(env);
  stored->offset = offset.As<Napi::Number>().Int64Value();
  if (scale.IsTypedArray() && scale.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array) {
    const auto factors = scale.As<Napi::Float64Array>();
    stored->scale.assign(factors.Data(), factors.Data() + factors.ElementLength());
  }
  return stored;
}

}  // namespace lanewise
