#!/usr/bin/env bash
# The C++ tests under valgrind, which knows no AVX-512: scalar and AVX2. Some minutes, so not among the stages of every
# run: `.ci/run valgrind`.
. "$(dirname "$0")/common.sh"
quick
node scripts/build-native.mjs --tests
# The tests have an operator new of their own, which valgrind would replace.
valgrind --soname-synonyms=somalloc=nouserintercepts --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite \
  --suppressions=test/native/valgrind.supp build/tests/lanewise_native_tests --require=avx2 "$@"
