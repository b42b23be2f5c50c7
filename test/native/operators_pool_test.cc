// Pooling and resizing operators: geometry, padding and coordinates, with the definitions of ONNX as the reference.
#include <algorithm>
#include <cmath>
#include <vector>

#include "operators.h"

namespace lanewise::test {
namespace {

constexpr int kRounds = 120;

struct Axis {
  int64_t extent, kernel, stride, dilation, begin, end;
  int64_t outputs(bool ceil_mode) const {
    const int64_t span = extent + begin + end - (kernel - 1) * dilation - 1;
    if (span < 0) return 0;
    int64_t n = (ceil_mode ? (span + stride - 1) / stride : span / stride) + 1;
    if (ceil_mode && (n - 1) * stride >= extent + begin) --n;  // the last window would lie in the end padding
    return n;
  }
};

// One value of a pooling: every tap is looked at, inside or not.
double PooledValue(const Pool2dSpec& spec, const Values& values, const Shape& x, const Position& at) {
  double top = -kInf, sum = 0;
  int64_t inside = 0, padded = 0;
  for (int64_t ky = 0; ky < spec.kernel.h; ++ky) {
    for (int64_t kx = 0; kx < spec.kernel.w; ++kx) {
      const int64_t row = at[2] * spec.strides.h + ky * spec.dilations.h - spec.pads.top;
      const int64_t col = at[3] * spec.strides.w + kx * spec.dilations.w - spec.pads.left;
      padded += row < x[2] + spec.pads.bottom && col < x[3] + spec.pads.right;
      if (row < 0 || col < 0 || row >= x[2] || col >= x[3]) continue;
      const double v = values[IndexOf(x, {at[0], at[1], row, col})];
      top = std::max(top, v);
      sum += v;
      ++inside;
    }
  }
  if (spec.kind == PoolKind::kMax) return top;
  return sum / static_cast<double>(std::max<int64_t>(1, spec.count_include_pad ? padded : inside));
}

TEST(PoolOperator) {
  Random random(11);
  for (int round = 0; round < 2 * kRounds; ++round) {
    const Shape x = RandomShape(random, 4);
    const auto axis = [&](int64_t extent) {
      const int64_t kernel = Between(random, 1, 4);
      return Axis{extent,
                  kernel,
                  Between(random, 1, 3),
                  Between(random, 1, 2),
                  Between(random, 0, kernel - 1),
                  Between(random, 0, kernel - 1)};
    };
    const Axis h = axis(x[2]), w = axis(x[3]);
    const bool ceil_mode = random.Below(2) == 0;
    Pool2dSpec spec;
    spec.kind = static_cast<PoolKind>(random.Below(2));
    spec.kernel = {h.kernel, w.kernel};
    spec.strides = {h.stride, w.stride};
    spec.dilations = {h.dilation, w.dilation};
    spec.pads = {h.begin, w.begin, h.end, w.end};
    spec.count_include_pad = random.Below(2) == 0;
    const Shape y = {x[0], x[1], h.outputs(ceil_mode), w.outputs(ceil_mode)};
    // Sums of integers are exact, and so is the rounding of the quotient.
    CheckOperator(
        {"pool2d",
         {x},
         {y},
         spec,
         [&](const std::vector<Values>& in) {
           return std::vector<Values>{Tabulate(y, [&](const Position& at) { return PooledValue(spec, in[0], x, at); })};
         }},
        random.Next());
  }
}

TEST(GlobalPoolOperator) {
  Random random(12);
  for (int round = 0; round < kRounds; ++round) {
    const Shape x = RandomShape(random, 4), y = {x[0], x[1], 1, 1};
    if (x[2] * x[3] == 0) continue;
    Pool2dSpec whole;
    whole.kind = static_cast<PoolKind>(random.Below(2));
    whole.kernel = {x[2], x[3]};
    CheckOperator({"globalPool",
                   {x},
                   {y},
                   GlobalPoolSpec{whole.kind},
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{
                         Tabulate(y, [&](const Position& at) { return PooledValue(whole, in[0], x, at); })};
                   }},
                  random.Next());
  }
}

double SourceOf(Coordinates coordinates, int64_t i, int64_t inputs, int64_t outputs, double scale) {
  const double x = static_cast<double>(i), in = static_cast<double>(inputs), out = static_cast<double>(outputs);
  switch (coordinates) {
    case Coordinates::kHalfPixel: return (x + 0.5) / scale - 0.5;
    case Coordinates::kHalfPixelSymmetric: return in / 2 * (1 - out / (scale * in)) + (x + 0.5) / scale - 0.5;
    case Coordinates::kPytorchHalfPixel: return outputs > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case Coordinates::kAlignCorners: return outputs > 1 ? x * (in - 1) / (out - 1) : 0;
    case Coordinates::kAsymmetric: break;
  }
  return x / scale;
}

// A case of Resize: the scale of the model is a float near the ratio of the extents, sometimes below it.
struct Resizing {
  Shape x, y;
  Resize2dSpec spec;
};

Resizing AnyResizing(Random& random, ResizeMode mode) {
  Resizing r;
  do r.x = RandomShape(random, 4);
  while (ElementCount(r.x) == 0);
  r.y = {r.x[0], r.x[1], Between(random, 1, 20), Between(random, 1, 20)};
  r.spec.mode = mode;
  r.spec.coordinates = static_cast<Coordinates>(random.Below(5));
  r.spec.rounding = static_cast<Rounding>(random.Below(4));
  const double more = random.Below(3) == 0 ? 0.25 : 0;
  r.spec.scale_h = static_cast<float>((static_cast<double>(r.y[2]) + more) / static_cast<double>(r.x[2]));
  r.spec.scale_w = static_cast<float>((static_cast<double>(r.y[3]) + more) / static_cast<double>(r.x[3]));
  return r;
}

TEST(LinearResizeOperator) {
  Random random(13);
  for (int round = 0; round < kRounds; ++round) {
    const Resizing r = AnyResizing(random, ResizeMode::kLinear);
    const auto element = [&](const Values& values, const Position& at) {
      const auto clamped = [&](size_t axis, double scale) {
        const double source = SourceOf(r.spec.coordinates, at[axis], r.x[axis], r.y[axis], scale);
        return std::min(std::max(source, 0.0), static_cast<double>(r.x[axis] - 1));
      };
      const double h = clamped(2, r.spec.scale_h), w = clamped(3, r.spec.scale_w);
      const double v = h - std::floor(h), u = w - std::floor(w);
      const int64_t top = static_cast<int64_t>(h), left = static_cast<int64_t>(w);
      const int64_t bottom = std::min(top + 1, r.x[2] - 1), right = std::min(left + 1, r.x[3] - 1);
      const auto pixel = [&](int64_t row, int64_t col) { return values[IndexOf(r.x, {at[0], at[1], row, col})]; };
      return (1 - v) * ((1 - u) * pixel(top, left) + u * pixel(top, right)) +
             v * ((1 - u) * pixel(bottom, left) + u * pixel(bottom, right));
    };
    OperatorCase c{"resize2d", {r.x}, {r.y}, r.spec, [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(r.y, [&](const Position& at) { return element(in[0], at); })};
                   }};
    // Values up to 50: two weights and two combinations of up to two roundings each, and the reference's own rounding.
    c.bound = 50 * 8 * kRounding;
    CheckOperator(c, random.Next());
  }
}

int64_t NearestOf(const Resizing& r, size_t axis, int64_t i, double scale, bool* tie) {
  const double at = SourceOf(r.spec.coordinates, i, r.x[axis], r.y[axis], scale);
  *tie = *tie || std::fabs(2 * at - std::round(2 * at)) < 1e-4;
  double nearest = 0;
  switch (r.spec.rounding) {
    case Rounding::kPreferFloor: nearest = std::ceil(at - 0.5); break;
    case Rounding::kPreferCeil: nearest = std::floor(at + 0.5); break;
    case Rounding::kFloor: nearest = std::floor(at); break;
    case Rounding::kCeil: nearest = std::ceil(at); break;
  }
  return std::min(std::max<int64_t>(static_cast<int64_t>(nearest), 0), r.x[axis] - 1);
}

TEST(NearestResizeOperator) {
  Random random(14);
  int compared = 0;
  for (int round = 0; round < 6 * kRounds; ++round) {
    const Resizing r = AnyResizing(random, ResizeMode::kNearest);
    // Where a position is halfway or whole, the rounding of the scale decides, unless the scale is a power of two.
    bool tie = false;
    for (int64_t i = 0; i < r.y[2]; ++i) NearestOf(r, 2, i, r.spec.scale_h, &tie);
    for (int64_t i = 0; i < r.y[3]; ++i) NearestOf(r, 3, i, r.spec.scale_w, &tie);
    int exponent;
    const bool exact = std::frexp(r.spec.scale_h, &exponent) == 0.5 && std::frexp(r.spec.scale_w, &exponent) == 0.5;
    if (tie && !exact) continue;
    ++compared;
    const auto element = [&](const Values& values, const Position& at) {
      const int64_t row = NearestOf(r, 2, at[2], r.spec.scale_h, &tie),
                    col = NearestOf(r, 3, at[3], r.spec.scale_w, &tie);
      return values[IndexOf(r.x, {at[0], at[1], row, col})];
    };
    CheckOperator({"resize2d",
                   {r.x},
                   {r.y},
                   r.spec,
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(r.y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
  CHECK(compared > 20, "only %d cases without a tie", compared);
}

// Every second position of a doubling is halfway between two pixels: where the roundings part.
TEST(DoublingByNearestOperator) {
  Random random(15);
  const Shape x = {1, 19, 5, 7}, y = {1, 19, 10, 14};
  for (Rounding rounding : {Rounding::kPreferFloor, Rounding::kPreferCeil, Rounding::kFloor, Rounding::kCeil}) {
    const int64_t up = rounding == Rounding::kPreferCeil || rounding == Rounding::kCeil;
    Resize2dSpec spec;
    spec.mode = ResizeMode::kNearest;
    spec.coordinates = Coordinates::kAsymmetric;
    spec.rounding = rounding;
    spec.scale_h = spec.scale_w = 2;
    const auto element = [&](const Values& values, const Position& at) {
      const int64_t row = std::min((at[2] + up) / 2, x[2] - 1), col = std::min((at[3] + up) / 2, x[3] - 1);
      return values[IndexOf(x, {at[0], at[1], row, col})];
    };
    CheckOperator({"resize2d",
                   {x},
                   {y},
                   spec,
                   [&](const std::vector<Values>& in) {
                     return std::vector<Values>{Tabulate(y, [&](const Position& at) { return element(in[0], at); })};
                   }},
                  random.Next());
  }
}

}  // namespace
}  // namespace lanewise::test
