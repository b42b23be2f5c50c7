// Sums of quarters of a product's left side; see StrassenSumsArgs.
#pragma once
#include "kernels/table.h"

namespace {

using lanewise::StrassenSumsArgs;

void strassen_sums(const StrassenSumsArgs& args) {
  constexpr size_t kLineVectors = 16 / kLanes;
  const float *a11 = args.a1, *a12 = a11 + args.second, *a21 = args.a2, *a22 = a21 + args.second;
  float *s1 = args.s, *s2 = s1 + args.s_stride, *s3 = s2 + args.s_stride, *s4 = s3 + args.s_stride;
  for (size_t i = 0; i < args.n; i += kLanes) {
    if (i / kLanes % kLineVectors == 0) {
      prefetch(a11 + i + args.ahead);
      prefetch(a12 + i + args.ahead);
      prefetch(a21 + i + args.ahead);
      prefetch(a22 + i + args.ahead);
    }
    const Vec one = load(a11 + i), three = load(a21 + i);
    const Vec sum = add(three, load(a22 + i)), difference = sub(sum, one);
    store(s1 + i, sum);
    store(s2 + i, difference);
    store(s3 + i, sub(one, three));
    store(s4 + i, sub(load(a12 + i), difference));
  }
}

inline void fill_strassen(lanewise::KernelTable* table) { table->strassen_sums = strassen_sums; }

}  // namespace
