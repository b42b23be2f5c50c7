// 3x3 convolutions of stride 1 and 2 by Winograd's algorithm. Its transforms and products are rounded in an order of
// each ISA's own, so they owe each other a bound, not bits; and each passes its self-check.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const FuzzedConv form = {bytes.Between(1, 2),
                           bytes.Between(1, 18),
                           bytes.Between(1, 18),
                           1,
                           bytes.Between(1, 14),
                           bytes.Between(1, 14),
                           3,
                           3};
  PlanOptions options{1, /*strict=*/false};
  options.form = ConvForm{ConvForm::kWinograd, bytes.Flag() ? 2 : 4};
  options.fail_self_check = true;
  if (AddConvolution(bytes, net, form, Window::kWinograd))
    CheckEverywhere(net, options, {/*bits=*/false, 1e-3}, bytes.OneIn(4));
  return 0;
}
