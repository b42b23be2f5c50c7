#include "addon/errors.h"

namespace lanewise {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "OK";
    case Code::kInvalidValue: return "ERR_INVALID_VALUE";
    case Code::kUnsupported: return "ERR_UNSUPPORTED_OPERATOR";
    case Code::kOutOfMemory: return "ERR_OUT_OF_MEMORY";
    case Code::kIsaUnavailable: return "ERR_ISA_UNAVAILABLE";
    case Code::kAborted: return "ERR_ABORTED";
    case Code::kModelFormat: return "ERR_MODEL_FORMAT";
    case Code::kInternal: break;
  }
  return "ERR_INTERNAL";
}

Napi::Error ToError(Napi::Env env, const Status& status) {
  Napi::Error error = Napi::Error::New(env, status.message);
  error.Set("code", Napi::String::New(env, CodeName(status.code)));
  return error;
}

}  // namespace lanewise
