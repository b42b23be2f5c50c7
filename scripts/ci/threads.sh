#!/usr/bin/env bash
# ThreadSanitizer over what threads share: the pool, runs at the same time, aborts, plans let go of in flight.
. "$(dirname "$0")/common.sh"
quick
out=build/tsan
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
cmake -S . -B $out "${generator[@]}" -DLANEWISE_BUILD_ADDON=OFF -DLANEWISE_BUILD_TESTS=ON -DLANEWISE_SANITIZE=thread
cmake --build $out --parallel 2 --target lanewise_native_tests
TSAN_OPTIONS=halt_on_error=1 $out/lanewise_native_tests \
  EveryItem RunsAreStopped PlansOfOneModel Threads RunsAtTheSame AStopped EveryAllocation
