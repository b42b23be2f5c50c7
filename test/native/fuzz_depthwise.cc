// Depthwise convolutions, with one or more outputs per channel.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const int64_t channels = bytes.Between(1, 33), multiplier = bytes.OneIn(4) ? bytes.Between(1, 4) : 1;
  const FuzzedConv form = {bytes.Between(1, 2),   channels,
                           channels * multiplier, channels,
                           bytes.Between(1, 9),   bytes.Between(1, 9),
                           bytes.Between(1, 5),   bytes.Between(1, 5)};
  if (AddConvolution(bytes, net, form, PlainOrAny(bytes)))
    CheckEverywhere(net, {1, true}, {/*bits=*/true, 2e-4}, bytes.OneIn(4));
  return 0;
}
