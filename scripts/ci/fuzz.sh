#!/usr/bin/env bash
# A short run of every fuzzer: the libFuzzer targets under AddressSanitizer and UndefinedBehaviorSanitizer, and mutated
# model files. `npm run fuzz -- --minutes N` goes on from here.
. "$(dirname "$0")/common.sh"
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0:malloc_context_size=4

cmake -S . -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DLANEWISE_BUILD_ADDON=OFF -DLANEWISE_BUILD_FUZZ=ON \
  '-DLANEWISE_SANITIZE=address;undefined' >/dev/null
ninja -C build/fuzz

mkdir -p build/fuzz-findings
fuzz() {
  say "$(basename "$1")"
  "$1" -runs="${FUZZ_RUNS:-10000}" -max_len=64 -len_control=0 -entropic=0 -seed=1 -verbosity=0 \
    -artifact_prefix=build/fuzz-findings/"$(basename "$1")"-
}
export -f fuzz say
find build/fuzz -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x -print0 | sort -z |
  xargs -0 -n 1 -P "$(nproc)" bash -euc 'fuzz "$1"' fuzz

say "mutated models"
node build/ts/test/fuzz/main.js --target onnx --mutants "${FUZZ_MUTANTS:-500}" --minutes 5 --seed 1
