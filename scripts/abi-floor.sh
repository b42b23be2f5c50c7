#!/usr/bin/env bash
# Fails when the addon asks for a newer C or C++ library than distributions with glibc 2.28 and GCC 8 have.
#
#   scripts/abi-floor.sh [FILE.node ...]
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- build/Release/lanewise.node

passed=0
failed=0
newest() { # FILE PREFIX
  readelf --version-info --wide "$1" | grep -oE "\b$2_[0-9][0-9.]*" | sort -u | sed "s/^$2_//" | sort -V | tail -n 1 || true
}
floor() { # FILE PREFIX LIMIT
  local have
  have=$(newest "$1" "$2")
  if [ -z "$have" ] || printf '%s\n' "$have" "$3" | sort -V -C; then
    passed=$((passed + 1))
    echo "ok      $1  $2 ${have:-none} <= $3"
  else
    failed=$((failed + 1))
    echo "FAILED  $1  $2 $have > $3: $(nm --dynamic --undefined-only "$1" | grep -oE "\S+@$2_$have" | tr '\n' ' ')"
  fi
}
for file in "$@"; do
  floor "$file" GLIBC 2.28
  floor "$file" GLIBCXX 3.4.25
  floor "$file" CXXABI 1.3.11
done
echo "abi floor: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
