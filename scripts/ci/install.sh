#!/usr/bin/env bash
# `npm ci` as a newcomer types it; it builds the addon and dist/ through prepare. A registry that hangs up is asked again.
. "$(dirname "$0")/common.sh"
for attempt in 1 2 3; do
  if npm ci --no-audit --no-fund; then break; fi
  say "npm ci failed, attempt $attempt"
  sleep 10
done
[ -f build/Release/lanewise.node ] && [ -f dist/index.js ]
