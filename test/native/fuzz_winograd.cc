// 3x3 convolutions as `numerics: 'fast'` computes them. Whether Winograd's algorithm is taken depends on the vector, so
// ISAs owe each other a bound, not bits.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const FuzzedConv form = {bytes.Between(1, 2),
                           bytes.Between(16, 18),
                           bytes.Between(16, 18),
                           1,
                           bytes.Between(1, 10),
                           bytes.Between(1, 10),
                           3,
                           3};
  if (AddConvolution(bytes, net, form, /*plain_window=*/true))
    CheckEverywhere(net, {1, false}, {/*bits=*/false, 1e-3}, bytes.OneIn(4));
  return 0;
}
