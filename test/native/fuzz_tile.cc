// Dense and grouped convolutions, transposed ones and matrix products: everything the tile kernel computes.
#include "fuzz_net.h"

using namespace lanewise;
using namespace lanewise::test;

namespace {

void Transposed(Bytes& bytes, FuzzNet& net) {
  ConvTranspose2dSpec conv;
  conv.groups = bytes.Between(1, 3);
  conv.strides = {bytes.Between(1, 3), bytes.Between(1, 3)};
  conv.dilations = {bytes.Between(1, 2), bytes.Between(1, 2)};
  const Shape x = {bytes.Between(1, 2), conv.groups * bytes.Between(1, 9), bytes.Between(1, 6), bytes.Between(1, 6)};
  const Shape w = {x[1], bytes.Between(1, 9), bytes.Between(1, 3), bytes.Between(1, 3)};
  conv.pads = {bytes.Between(0, 2), bytes.Between(0, 2), 0, 0};
  const Shape y = {
      x[0], w[1] * conv.groups,
      (x[2] - 1) * conv.strides.h + conv.dilations.h * (w[2] - 1) + 1 - conv.pads.top + bytes.Between(-2, 2),
      (x[3] - 1) * conv.strides.w + conv.dilations.w * (w[3] - 1) + 1 - conv.pads.left + bytes.Between(-2, 2)};
  if (y[2] < 1 || y[3] < 1) return;
  const int input = net.Input(x, bytes.Flag() ? PortLayout::kNhwc : PortLayout::kNchw);
  const int weights = net.Weights(w, w[0] * w[2] * w[3]);
  conv.epilogue = AnyEpilogue(bytes, net, y, y[1]);
  net.Output(net.Step("convTranspose2d", {input, weights}, y, conv));
}

void Matmul(Bytes& bytes, FuzzNet& net) {
  MatmulSpec spec;
  spec.transpose_b = bytes.Flag();
  const int64_t m = bytes.Between(1, 20), k = bytes.Between(1, 40), n = bytes.Between(1, 40),
                batch = bytes.Between(1, 3);
  const Shape a = {batch, m, k};
  Shape b = spec.transpose_b ? Shape{n, k} : Shape{k, n};
  if (bytes.Flag()) b.insert(b.begin(), bytes.Flag() ? batch : 1);
  const Shape y = {batch, m, n};
  const int left = net.Input(a);
  // Computed factors are packed on every run.
  const int right = bytes.Flag() ? net.Input(b) : net.Weights(b, k);
  spec.epilogue = AnyEpilogue(bytes, net, y, n);
  net.Output(net.Step("matmul", {left, right}, y, spec));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  FuzzNet net(bytes);
  switch (bytes.Between(0, 3)) {
    case 0: Transposed(bytes, net); break;
    case 1: Matmul(bytes, net); break;
    default: {
      const int64_t groups = bytes.OneIn(3) ? bytes.Between(1, 4) : 1;
      const int64_t inputs = bytes.Between(1, 20), outputs = bytes.Between(1, 34);
      const FuzzedConv form = {bytes.Between(1, 2), groups * inputs,     groups * outputs,    groups,
                               bytes.Between(1, 6), bytes.Between(1, 6), bytes.Between(1, 3), bytes.Between(1, 3)};
      if (!AddConvolution(bytes, net, form, PlainOrAny(bytes))) return 0;
    }
  }
  if (net.spec.outputs.empty()) return 0;
  CheckEverywhere(net, {1, true}, {/*bits=*/true, 2e-4}, bytes.OneIn(4));
  return 0;
}
