// Dense convolutions on a matrix unit, that of the machine and the emulated one, whose memory AddressSanitizer sees.
#include "emulated_amx.h"
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  const FuzzedConv form = {bytes.Between(1, 2),  bytes.OneIn(8) ? bytes.Between(1000, 1060) : bytes.Between(1, 70),
                           bytes.Between(1, 50), 1,
                           bytes.Between(1, 9),  bytes.Between(1, 9),
                           bytes.Between(1, 3),  bytes.Between(1, 3)};
  if (!AddConvolution(bytes, net, form, PlainOrAny(bytes))) return 0;
  const std::vector<const KernelTable*> tables = Tables();
  const Tensors inputs = InputsOf(net.spec, net.random());
  const Outcome wanted = RunOn(*tables.back(), net.spec, inputs, {1, /*strict=*/true});
  for (const KernelTable* table : {tables.back(), EmulatedAmxTable()}) {
    if (table == nullptr || table->matrix == nullptr) continue;
    PlanOptions options{1, /*strict=*/false};
    options.form = ConvForm{ConvForm::kMatrix};
    const Outcome now = RunOn(*table, net.spec, inputs, options);
    if (now.status.ok() != wanted.status.ok()) Die(table->isa + (": " + now.status.message + wanted.status.message));
    if (now.status.ok()) CheckNear(*table, now, wanted, 2e-4);
  }
  return 0;
}
