#!/usr/bin/env bash
# AddressSanitizer and UndefinedBehaviorSanitizer over the C++ tests and the addon under ava; LeakSanitizer over a whole
# process.
. "$(dirname "$0")/common.sh"
quick
out=build/asan
node scripts/build-native.mjs --out $out/build --sanitize 'address;undefined' --tests
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# Requests that no machine can meet are answered with null, as without a sanitizer.
export ASAN_OPTIONS=allocator_may_return_null=1

say "C++ tests"
$out/build/tests/lanewise_native_tests

say "ava"
export LANEWISE_PREBUILD=$root/$out
library() { "${CXX:-g++}" -print-file-name="$1"; }
preload="$(library libasan.so) $(library libubsan.so) $(library libstdc++.so)"
# libstdc++ goes first in the process, or the exceptions of other addons find no real __cxa_throw.
ASAN_OPTIONS=detect_leaks=0:$ASAN_OPTIONS LD_PRELOAD=$preload ava

say "leaks"
ASAN_OPTIONS=detect_leaks=1:$ASAN_OPTIONS LSAN_OPTIONS=report_objects=1 LD_PRELOAD=$preload node scripts/ci/smoke.mjs
