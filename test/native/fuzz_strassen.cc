// 1x1 convolutions by Strassen's algorithm, where an epilogue is drawn that it has. Halves do not depend on the ISA.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const FuzzedConv form = {bytes.Between(1, 2),
                           32 * bytes.Between(1, 3),
                           64 * bytes.Between(1, 2),
                           1,
                           2 * bytes.Between(1, 7),
                           bytes.Between(1, 17),
                           1,
                           1};
  PlanOptions options{1, /*strict=*/false};
  options.form = ConvForm{ConvForm::kStrassen};
  options.fail_self_check = true;
  if (AddConvolution(bytes, net, form, Window::kPlain))
    CheckEverywhere(net, options, {/*bits=*/true, 1e-3}, bytes.OneIn(4));
  return 0;
}
