#!/usr/bin/env bash
# The leaf rule on the objects of the normal build.
. "$(dirname "$0")/common.sh"
node scripts/build-native.mjs --tests
node scripts/check-leaves.mjs --objects build
