// Pictures to tensors: resampled, cut or framed, and normalised in one walk over the rows.
#pragma once
#include <cstdint>

#include "core/status.h"

namespace lanewise {

struct PixelsSpec {
  // The picture: rows of `width` pixels of `channels` bytes each.
  int64_t width, height, channels;
  // What it is resampled to. The result is a window of that, which may reach beyond it on every side.
  int64_t scaled_width, scaled_height;
  int64_t out_width, out_height, left, top;
  // Channel `order[c]` becomes channel c of the result: byte * scale[c] + shift[c].
  int64_t out_channels;
  int64_t order[4];
  float scale[4], shift[4];
  // Byte value of what is outside the picture.
  float fill;
  bool channels_last;
};

// Resampling is separable with half-pixel centres: weights of a triangle as wide as the step from one output pixel to
// the next, and at least one pixel, normalised over what lies inside the picture. `out` has
// out_channels*out_height*out_width elements.
Status ConvertPixels(const PixelsSpec& spec, const uint8_t* pixels, float* out);

}  // namespace lanewise
