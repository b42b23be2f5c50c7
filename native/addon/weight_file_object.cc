#include "addon/weight_file_object.h"

#include <algorithm>
#include <utility>

#include "addon/environment.h"
#include "addon/errors.h"
#include "addon/executor.h"
#include "addon/external_memory.h"
#include "addon/stop_token.h"
#include "core/model_structure.h"
#include "core/reclaim.h"

namespace lanewise {
namespace {

class StructureJob : public Job {
 public:
  StructureJob(Napi::Env env, std::shared_ptr<std::atomic<bool>> stop, std::shared_ptr<const WeightFile> file,
               size_t stored_from)
      : Job(env, std::move(stop)), file_(std::move(file)), stored_from_(stored_from) {}

 protected:
  Status Execute(const std::atomic<bool>& stop) override {
    return ReadStructure(*file_, stored_from_, stop, &structure_);
  }
  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    Napi::Uint8Array bytes = Napi::Uint8Array::New(env, structure_.bytes.size());
    std::copy(structure_.bytes.begin(), structure_.bytes.end(), bytes.Data());
    result.Set("bytes", bytes);
    Napi::Float64Array gaps = Napi::Float64Array::New(env, structure_.gaps.size());
    std::copy(structure_.gaps.begin(), structure_.gaps.end(), gaps.Data());
    result.Set("gaps", gaps);
    return result;
  }

 private:
  std::shared_ptr<const WeightFile> file_;
  size_t stored_from_;
  ModelStructure structure_;
};

class WeightFileObject : public Napi::ObjectWrap<WeightFileObject> {
 public:
  // new WeightFile({descriptor}), new WeightFile({size})
  explicit WeightFileObject(const Napi::CallbackInfo& info) : ObjectWrap(info), memory_(info.Env()) {
    const Napi::Env env = info.Env();
    const bool object = info.Length() > 0 && info[0].IsObject();
    const Napi::Value descriptor = object ? info[0].As<Napi::Object>().Get("descriptor") : env.Undefined();
    const Napi::Value size = object ? info[0].As<Napi::Object>().Get("size") : env.Undefined();
    if (descriptor.IsNumber()) {
      ThrowIfError(env, WeightFile::Open(descriptor.As<Napi::Number>().Int32Value(), &file_));
    } else if (size.IsNumber() && size.As<Napi::Number>().DoubleValue() >= 0) {
      ThrowIfError(env, WeightFile::Create(static_cast<size_t>(size.As<Napi::Number>().Int64Value()), &file_));
      memory_.Set(file_->memory_bytes());
    } else {
      throw Napi::TypeError::New(env, "WeightFile: expected a file descriptor, or a size");
    }
  }
  ~WeightFileObject() override { Free(); }
  WeightFileObject(const WeightFileObject&) = delete;
  WeightFileObject& operator=(const WeightFileObject&) = delete;
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "WeightFile",
        {InstanceMethod<&WeightFileObject::Read>("read"), InstanceMethod<&WeightFileObject::Write>("write"),
         InstanceMethod<&WeightFileObject::ReadStructure>("readStructure"),
         InstanceMethod<&WeightFileObject::Close>("close")});
  }
  std::shared_ptr<WeightFile> Live(Napi::Env env) const {
    if (file_ == nullptr) throw ToError(env, Status::Internal("the model file was closed"));
    return file_;
  }

 private:
  // read(offset, Uint8Array)
  void Read(const Napi::CallbackInfo& info) {
    if (info.Length() < 2 || !info[0].IsNumber() || !IsBytes(info[1]))
      throw Napi::TypeError::New(info.Env(), "read: expected an offset and a Uint8Array");
    auto into = info[1].As<Napi::Uint8Array>();
    ThrowIfError(info.Env(),
                 Live(info.Env())->Read(info[0].As<Napi::Number>().Int64Value(), into.ByteLength(), into.Data()));
  }
  // write(offset, Uint8Array)
  void Write(const Napi::CallbackInfo& info) {
    if (info.Length() < 2 || !info[0].IsNumber() || !IsBytes(info[1]))
      throw Napi::TypeError::New(info.Env(), "write: expected an offset and a Uint8Array");
    const auto from = info[1].As<Napi::Uint8Array>();
    ThrowIfError(info.Env(),
                 Live(info.Env())->Write(info[0].As<Napi::Number>().Int64Value(), from.ByteLength(), from.Data()));
  }
  // readStructure(storedFrom, stop | undefined) -> Promise of {bytes, gaps}
  Napi::Value ReadStructure(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsNumber())
      throw Napi::TypeError::New(env, "readStructure: expected a number of bytes");
    auto job = std::make_unique<StructureJob>(env, StopFlag(info, 1), Live(env), info[0].ToNumber().Uint32Value());
    const Napi::Promise promise = job->promise();
    const auto& completions = DataOf(env).completions;
    completions->Submit(completions, std::move(job));
    return promise;
  }
  static bool IsBytes(const Napi::Value& value) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array;
  }
  void Close(const Napi::CallbackInfo&) { Free(); }
  // Builds under way keep the file.
  void Free() {
    memory_.Close();
    if (file_ == nullptr) return;
    const size_t bytes = file_->memory_bytes();
    FreeSoon(std::move(file_), bytes);
  }

  std::shared_ptr<WeightFile> file_;
  ExternalMemory memory_;
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
  const auto* source = UnwrapAs<WeightFileObject>(file, DataOf(env).weight_file_constructor);
  if (source == nullptr || !offset.IsNumber()) return nullptr;
  auto stored = std::make_shared<StoredWeights>();
  stored->file = source->Live(env);
  stored->offset = offset.As<Napi::Number>().Int64Value();
  if (scale.IsTypedArray() && scale.As<Napi::TypedArray>().TypedArrayType() == napi_float64_array) {
    const auto factors = scale.As<Napi::Float64Array>();
    stored->scale.assign(factors.Data(), factors.Data() + factors.ElementLength());
  }
  return stored;
}

}  // namespace lanewise
