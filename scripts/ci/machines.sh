#!/usr/bin/env bash
# Processors that this machine is not: the dispatcher must find what they have, and nothing else may be executed. An AVX
# instruction in baseline code ends the Nehalem run with SIGILL.
. "$(dirname "$0")/common.sh"
quick
[ "$(uname -m)" = x86_64 ] || { say "skipped: not an x86-64 machine"; exit 0; }
node scripts/build-native.mjs --tests

run() { # CPU EXPECTED REQUIRED [TEST...]
  say "$1 must dispatch $2"
  qemu-x86_64-static -cpu "$1" "$(node -p process.execPath)" scripts/ci/smoke.mjs "$2"
  # The controls of the guard pages crash on purpose and qemu says so each time.
  qemu-x86_64-static -cpu "$1" build/tests/lanewise_native_tests "--require=$3" "${@:4}" 2> >(grep -v -e 'TCG' -e '^qemu: uncaught' >&2)
}

# qemu 7 reads all eight floats of a masked load, whatever the mask: at a guard page it faults where a processor does not.
# So the tests with guard pages stay with real processors. Winograd's takes minutes here.
mapfile -t unguarded < <(
  files=()
  for file in test/native/*_test.cc; do
    case $(basename "$file") in rows_* | spatial_test.cc | tiles_* | harness_* | winograd_*) ;; *) files+=("$file") ;; esac
  done
  sed -n 's/^TEST(\([A-Za-z0-9_]*\)).*/\1/p' "${files[@]}"
)

run Nehalem scalar scalar
run Haswell avx2 scalar,avx2 "${unguarded[@]}"
