// Grouped convolutions whose groups are smaller than a vector: lanes permuted within a block.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const int64_t groups = bytes.Between(1, 9), inputs = bytes.Between(1, 8), outputs = bytes.Between(1, 8);
  const FuzzedConv form = {bytes.Between(1, 2),
                           groups * inputs,
                           groups * (bytes.OneIn(3) ? outputs : inputs),
                           groups,
                           bytes.Between(1, 6),
                           bytes.Between(1, 6),
                           bytes.Between(1, 3),
                           bytes.Between(1, 3)};
  if (AddConvolution(bytes, net, form, PlainOrAny(bytes)))
    CheckEverywhere(net, {1, true}, {/*bits=*/true, 2e-4}, bytes.OneIn(4));
  return 0;
}
