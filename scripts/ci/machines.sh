#!/usr/bin/env bash
# Processors that this machine is not: the dispatcher must find what they have, and nothing else may be executed. An AVX
# instruction in baseline code ends the Nehalem run with SIGILL.
. "$(dirname "$0")/common.sh"
quick
[ "$(uname -m)" = x86_64 ] || { say "skipped: not an x86-64 machine"; exit 0; }
node scripts/build-native.mjs --tests

run() { # CPU EXPECTED REQUIRED
  say "$1 must dispatch $2"
  qemu-x86_64-static -cpu "$1" "$(node -p process.execPath)" scripts/ci/smoke.mjs "$2"
  qemu-x86_64-static -cpu "$1" build/tests/lanewise_native_tests "--require=$3"
}
run Nehalem scalar scalar
run Haswell avx2 scalar,avx2
