# Sourced by the stages: where we are, how to run ava, how to print a heading.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
export CI=1 FORCE_COLOR=0 NO_COLOR=1 NODE_NO_WARNINGS=1

say() { printf -- '--- %s\n' "$*"; }

# ava over the compiled tests with this node; further arguments go to ava.
ava() { node node_modules/ava/entrypoints/cli.mjs "$@"; }

# For places where everything takes ten times as long. Tests read it: quick = a sample of each sweep, full = all of it.
quick() { export LANEWISE_TEST_LEVEL=quick; }
