#!/usr/bin/env bash
# `npm ci` as a newcomer types it; it builds the addon and dist/ through prepare.
. "$(dirname "$0")/common.sh"
npm ci --no-audit --no-fund
[ -f build/Release/lanewise.node ] && [ -f dist/index.js ]
