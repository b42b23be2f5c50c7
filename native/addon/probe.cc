#include "addon/probe.h"

#include <algorithm>
#include <chrono>

#include "addon/errors.h"
#include "core/clock.h"
#include "cpu/dispatch.h"

namespace lanewise {
namespace {

using Clock = std::chrono::steady_clock;

// fmaPeak(ms, isa?) -> GFLOP/s of multiply-adds in registers, on the calling thread, which it keeps for about that
// long. The best of ten slices: an interruption takes from one of them.
Napi::Value FmaPeak(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const double ms = info.Length() > 0 && info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : 0;
  if (!(ms > 0 && ms <= 10000)) throw Napi::RangeError::New(env, "fmaPeak: expected milliseconds from 0 to 10000");
  const KernelTable* kernels = nullptr;
  if (info.Length() > 1 && info[1].IsString()) {
    ThrowIfError(env, FindKernels(info[1].As<Napi::String>().Utf8Value(), &kernels));
  } else {
    ThrowIfError(env, ActiveKernels(&kernels));
  }
  alignas(64) float y[2 * kMaxLanes];
  double best = 0;
  for (int slice = 0; slice < 10; ++slice) {
    const auto start = Clock::now();
    double fmas = 0, elapsed = 0;  // milliseconds
    do {
      for (int lane = 0; lane < kernels->lanes; ++lane) {
        y[lane] = 0.75f;
        y[kernels->lanes + lane] = 0.25f;
      }
      fmas += static_cast<double>(kernels->fma_probe(2000, y));
      elapsed = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    } while (elapsed < ms / 10);
    best = std::max(best, 2e-6 * fmas / elapsed);
  }
  return Napi::Number::New(env, best);
}

// clock() -> the clock of this core right now; core/clock.h
Napi::Value ClockNow(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), CoreClock()); }

}  // namespace

void ExportProbe(Napi::Env env, Napi::Object exports) {
  exports.Set("clock", Napi::Function::New(env, ClockNow, "clock"));
  exports.Set("fmaPeak", Napi::Function::New(env, FmaPeak, "fmaPeak"));
}

}  // namespace lanewise
