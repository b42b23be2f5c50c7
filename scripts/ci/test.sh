#!/usr/bin/env bash
# The README's test command.
. "$(dirname "$0")/common.sh"
npm test
