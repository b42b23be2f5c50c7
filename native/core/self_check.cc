#include "core/self_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "core/flush.h"

namespace lanewise {
namespace {

// Outputs that are compared: as many as cover all pixels of the 6 x 6 that F(4) is tried on.
constexpr int64_t kSamples = 36;

// SplitMix64, in [-1, 1).
class Pixels {
 public:
  float Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return static_cast<float>(static_cast<int64_t>(z ^ (z >> 31)) >> 40) * 0x1p-23f;
  }

 private:
  uint64_t state_ = 0;
};

Tensor Blocked(int id, Shape shape, const Halo& halo, int lanes) {
  Tensor t;
  t.id = id;
  t.layout = Layout::kBlocked;
  t.shape = std::move(shape);
  t.halo = halo;
  t.lanes = t.pixel_stride = lanes;
  t.row_stride = (t.w() + halo.left + halo.right) * lanes;
  t.block_stride = (t.h() + halo.top + halo.bottom) * t.row_stride;
  t.image_stride = t.blocks() * t.block_stride;
  return t;
}

// |error| of an output whose weights have the Euclidean norm |w|, for random pixels in [-1, 1].
//
// Transform t of a channel's weights and pixels are sums with coefficients g_t and b_t, products are summed over the
// channels, and an output is the sum of these sums with coefficients a_t. Pixels are independent with variance 1/3, so
// a partial sum over channels has a standard deviation of at most |b_t| |g_t| |w| / sqrt 3 (Cauchy-Schwarz, twice).
// Each of its n additions rounds it by at most u = 2^-24 of itself, on average by u / sqrt 3, either way: the error of
// the output has a standard deviation of at most
//   u/3 * sqrt(n) * A * |w|,   A = sqrt(sum over t of (a_t |b_t| |g_t|)^2).
// The transforms themselves round a few times more, which counts as 16 additions; 24 standard deviations are allowed.
// A is 1 for the direct form, and the largest of the outputs of a tile for Winograd's.
double ErrorBound(const FormAccuracy& accuracy, double norm) {
  constexpr double kRounding = 0x1p-24, kSmallest = 0x1p-126;
  // Weights and products may be flushed to zero on the way.
  const double flushed = 64 * accuracy.additions * accuracy.amplification * kSmallest;
  return 8 * kRounding * std::sqrt(accuracy.additions + 16) * accuracy.amplification * norm + flushed;
}

void FillInput(const Tensor& x, float* origin) {
  Pixels pixels;
  for (int64_t c = 0; c < x.c(); ++c) {
    float* plane = origin + c / x.lanes * x.block_stride + c % x.lanes;
    for (int64_t row = 0; row < x.h(); ++row) {
      for (int64_t col = 0; col < x.w(); ++col) plane[row * x.row_stride + col * x.pixel_stride] = pixels.Next();
    }
  }
}

// The definition; `x` is the input of tap (0, 0).
double Convolve(const FormTrial& trial, const float* x, const float* weights) {
  const ConvExtents& e = trial.e;
  double sum = 0;
  for (int64_t c = 0; c < e.c; ++c) {
    const float* plane = x + c / trial.x.lanes * trial.x.block_stride + c % trial.x.lanes;
    double of_channel = 0;  // a chain of additions of its own, so that the processor overlaps them
    for (int64_t ky = 0; ky < e.kh; ++ky) {
      const float* row = plane + ky * trial.spec.dilations.h * trial.x.row_stride;
      for (int64_t kx = 0; kx < e.kw; ++kx) {
        of_channel += static_cast<double>(*weights++) *
                      static_cast<double>(row[kx * trial.spec.dilations.w * trial.x.pixel_stride]);
      }
    }
    sum += of_channel;
  }
  return sum;
}

double SumOfSquares(const KernelTable& kernels, const float* values, int64_t count) {
  constexpr float kPrecise = 0x1p-90f;  // squares that vanish in a float are nothing beside it
  const ScopedFlush flush;
  const float sum = kernels.fold_row[static_cast<int>(Fold::kSumSquares)](values, static_cast<size_t>(count), 0);
  if (sum >= kPrecise) return sum;
  return std::accumulate(values, values + count, 0.,
                         [](double all, float v) { return all + static_cast<double>(v) * static_cast<double>(v); });
}

std::string Describe(double got, double want, double bound) {
  char text[160];
  std::snprintf(text, sizeof text, "the self-check failed: got %.9g, expected %.9g within %.2g", got, want, bound);
  return text;
}

}  // namespace

FormTrial MakeTrial(const Conv2dSpec& spec, const ConvExtents& e, int64_t outputs, const KernelTable& kernels,
                    const Segment& segment) {
  FormTrial trial{kernels, spec, e, {}, {}, segment};
  trial.segment.channel = 0;
  trial.segment.weights = trial.segment.bias = 0;
  // Borders wider than the kernel's reach would leave nothing to compute with.
  const auto extent = [&](int64_t kernel, int64_t stride, int64_t dilation, int64_t* before, int64_t* after,
                          int64_t* output) {
    const int64_t reach = dilation * (kernel - 1);
    *before = std::clamp<int64_t>(*before, 0, reach);
    *after = std::clamp<int64_t>(*after, 0, reach);
    const int64_t input = std::max<int64_t>(1, (outputs - 1) * stride + reach + 1 - *before - *after);
    *output = (input + *before + *after - reach - 1) / stride + 1;
    return input;
  };
  Pads& pads = trial.spec.pads;
  trial.spec.pad_value = kNone;
  trial.spec.epilogue = {};
  trial.e.n = 1;
  trial.e.o = segment.count;
  trial.e.h = extent(e.kh, spec.strides.h, spec.dilations.h, &pads.top, &pads.bottom, &trial.e.oh);
  trial.e.w = extent(e.kw, spec.strides.w, spec.dilations.w, &pads.left, &pads.right, &trial.e.ow);
  const Shape x{1, e.c, trial.e.h, trial.e.w}, y{1, segment.count, trial.e.oh, trial.e.ow};
  trial.x = Blocked(0, x, ConvHalo(trial.spec, x, {segment.count, e.c, e.kh, e.kw}, y), kernels.lanes);
  trial.y = Blocked(1, y, {}, kernels.lanes);
  return trial;
}

Status CheckForm(const FormTrial& trial, const Step& step, size_t scratch, const FormAccuracy& accuracy,
                 const float* rows) {
  const ConvExtents& e = trial.e;
  Buffer x, y, working;
  LANEWISE_RETURN_IF_ERROR(x.Allocate(static_cast<size_t>(trial.x.image_stride), /*zeroed=*/true));
  float* const x_origin = x.data() + trial.x.halo.top * trial.x.row_stride + trial.x.halo.left * trial.x.pixel_stride;
  FillInput(trial.x, x_origin);
  LANEWISE_RETURN_IF_ERROR(y.Allocate(static_cast<size_t>(trial.y.image_stride)));
  LANEWISE_RETURN_IF_ERROR(working.Allocate(scratch));
  const ScopedFlush flush;
  float* const tensors[] = {x_origin, y.data()};
  step.Run({tensors, working.data()}, 0, step.items());

  const Pads& pads = trial.spec.pads;
  const int64_t pixels = e.oh * e.ow, row_size = e.c * e.taps();
  for (int64_t i = 0; i < kSamples; ++i) {
    const int64_t channel = (e.o - 1) * i / (kSamples - 1);
    const int64_t pixel = i * 7 % pixels, row = pixel / e.ow, col = pixel % e.ow;
    const float* from = x_origin + (row * trial.spec.strides.h - pads.top) * trial.x.row_stride +
                        (col * trial.spec.strides.w - pads.left) * trial.x.pixel_stride;
    const float* filter = rows + channel * row_size;
    const double want = Convolve(trial, from, filter);
    const double got = y.data()[channel / trial.y.lanes * trial.y.block_stride + row * trial.y.row_stride +
                                col * trial.y.pixel_stride + channel % trial.y.lanes];
    double squares = SumOfSquares(trial.kernels, filter, row_size);
    if (accuracy.partner > 0) {
      const bool second = channel / accuracy.partner % 2 == 1;
      const float* partner = filter + (second ? -1 : 1) * accuracy.partner * row_size;
      squares += SumOfSquares(trial.kernels, partner, row_size);
    }
    const double bound = ErrorBound(accuracy, std::sqrt(squares));
    if (!(std::fabs(got - want) <= bound)) return Status::Internal(Describe(got, want, bound));
  }
  return Status::Ok();
}

SegmentPack PackAndCheck(const SegmentPack& pack, const SegmentCheck& check, const std::vector<Segment>& segments,
                         int64_t row, const KernelTable& kernels, const std::shared_ptr<PackVerdict>& verdict) {
  const auto narrower = [](const Segment& a, const Segment& b) { return a.vectors < b.vectors; };
  const auto widest = std::max_element(segments.rbegin(), segments.rend(), narrower);
  const int64_t first = widest == segments.rend() ? kNone : widest->channel;
  const int64_t second = segments.empty() ? kNone : segments.back().channel;
  return [=, &kernels](const Segment& segment, const float* rows, float* packed) {
    pack(segment, rows, packed);
    // Not finite where a weight is not, or is so large (beyond 1e15) that a float may not hold the sum: left to the
    // direct form, for the others would overflow before it does, and make NaN of an infinity.
    if (!std::isfinite(SumOfSquares(kernels, rows, segment.count * row))) {
      verdict->Add(Status::Unsupported("weights that are not finite"));
    } else if (segment.channel == first || segment.channel == second) {
      verdict->Add(check(segment, rows, packed));
    }
  };
}

const SelfCheckOption& SelfCheckFromEnvironment() {
  static const SelfCheckOption option = [] {
    const char* text = std::getenv("LANEWISE_SELF_CHECK");
    if (text == nullptr) return SelfCheckOption{};
    const std::string value = text;
    if (value == "error") return SelfCheckOption{true, {}};
    return SelfCheckOption{false, "LANEWISE_SELF_CHECK: expected 'error', got '" + value + "'"};
  }();
  return option;
}

}  // namespace lanewise
