// A form beside the direct one is tried once on each layer, where its weights are packed: the step that the plan would
// run convolves a small picture of pseudo-random pixels, and some of its outputs are compared with the definition in
// double. So a kernel, a transform or a packing that goes wrong on some machine costs time, not right results.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/conv.h"
#include "core/pack.h"

namespace lanewise {

// The layer over a small picture: one image, the output channels of one segment, no epilogue, borders of its own.
struct FormTrial {
  const KernelTable& kernels;
  Conv2dSpec spec;
  ConvExtents e;
  Tensor x, y;      // blocked; ids 0 and 1
  Segment segment;  // with these channels as the first, and its weights too
};
// With at least `outputs` rows and columns of output.
FormTrial MakeTrial(const Conv2dSpec& spec, const ConvExtents& e, int64_t outputs, const KernelTable& kernels,
                    const Segment& segment);

// What the error of a form grows with; see ErrorBound in self_check.cc.
struct FormAccuracy {
  double additions;      // one after the other, into one sum
  double amplification;  // of the rounding errors by what is done to the sums; 1 for the direct form
  int64_t partner = 0;   // an output is also computed from the filter so many channels before or behind it
};

// Runs `step`, which is that of the trial over the packed weights, and compares it with the filters `rows`. kInternal:
// it differs.
Status CheckForm(const FormTrial& trial, const Step& step, size_t scratch, const FormAccuracy& accuracy,
                 const float* rows);

// `pack`, and after it `check` for two of the `segments`: the last of those with the most vectors, and the last of all.
// Filters of `row` elements that are not finite are kUnsupported.
using SegmentCheck = std::function<Status(const Segment&, const float* rows, const float* packed)>;
SegmentPack PackAndCheck(const SegmentPack& pack, const SegmentCheck& check, const std::vector<Segment>& segments,
                         int64_t row, const KernelTable& kernels, const std::shared_ptr<PackVerdict>& verdict);

// LANEWISE_SELF_CHECK, read once: with `error`, a layer that fails is an error.
struct SelfCheckOption {
  bool fail = false;
  std::string error;  // what is wrong with the variable, if anything
};
const SelfCheckOption& SelfCheckFromEnvironment();

}  // namespace lanewise
