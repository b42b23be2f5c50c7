#!/usr/bin/env bash
# What is published: the prebuild, then the packed package in the hands of a user.
. "$(dirname "$0")/common.sh"
rm -rf prebuilds
npm run prebuild
ls -l prebuilds/*
scripts/abi-floor.sh prebuilds/*/*.node

say "the prebuild, in the project"
PREBUILDS_ONLY=1 node scripts/ci/smoke.mjs

scripts/ci/consumer.sh
npm run build:native
echo "package: 1 passed, 0 failed"
