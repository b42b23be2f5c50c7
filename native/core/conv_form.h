// The forms in which a dense convolution with constant weights can be computed.
#pragma once

namespace lanewise {

struct ConvForm {
  enum Kind { kDirect, kWinograd, kStrassen, kMatrix };
  Kind kind = kDirect;
  int winograd = 0;  // m of F(m x m, 3x3)
};

}  // namespace lanewise
