// The file of a model, held by JavaScript.
#pragma once
#include <napi.h>

#include <memory>

#include "core/weight_file.h"

namespace lanewise {

void ExportWeightFile(Napi::Env env, Napi::Object exports);

// What a constant's `data` describes, {file, offset, scale?}; null when it is something else (an array, for example).
std::shared_ptr<const StoredWeights> ReadStoredWeights(const Napi::Value& data);

}  // namespace lanewise
