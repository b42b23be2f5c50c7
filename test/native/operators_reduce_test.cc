// Softmax, normalisation and reductions inside plans.
#include <numeric>

#include "plan_net.h"

namespace lanewise::test {
namespace {

// The axes of `shape` with sizes, flattened to (outer, size, inner) around `axis`.
struct Around {
  size_t outer = 1, size, inner = 1;
  Around(const Shape& shape, size_t axis) : size(static_cast<size_t>(shape[axis])) {
    for (size_t i = 0; i < axis; ++i) outer *= static_cast<size_t>(shape[i]);
    for (size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  }
};

TEST(SoftmaxAlongEveryAxis) {
  for (const Shape& shape :
       {Shape{2, 5, 4, 3}, Shape{1, 21, 9, 70}, Shape{3, 1000}, Shape{2, 10, 1, 1}, Shape{4, 0, 2}})
    for (size_t axis = 0; axis < shape.size(); ++axis)
      for (bool log : {false, true})
        for (Placed placed : {Placed::kPlain, Placed::kBlocked}) {
          Random random(5);
          const Array x = RandomArray(shape, random, -6, 6);
          const Around a(shape, axis);
          std::vector<double> want(x.data.size());
          for (size_t o = 0; o < a.outer; ++o)
            for (size_t i = 0; i < a.inner; ++i) {
              double sum = 0;
              for (size_t k = 0; k < a.size; ++k) sum += std::exp(double(x.data[(o * a.size + k) * a.inner + i]));
              for (size_t k = 0; k < a.size; ++k) {
                const size_t at = (o * a.size + k) * a.inner + i;
                want[at] = log ? x.data[at] - std::log(sum) : std::exp(double(x.data[at])) / sum;
              }
            }
          CheckNet(
              "softmax " + Text(shape) + " axis " + std::to_string(axis),
              [&](Net& net) {
                const int v = Place(net, x, placed), y = net.Result(shape);
                net.Add("softmax", {v}, y, SoftmaxSpec{static_cast<int>(axis), log});
                return y;
              },
              want, [&](size_t i) { return 64 * kRounding * (std::fabs(want[i]) + (log ? 1 : 0)); });
        }
}

TEST(LayerNormalization) {
  for (const Shape& shape : {Shape{2, 5, 4, 3}, Shape{3, 7, 100}, Shape{9, 33}, Shape{2, 8, 6, 1}})
    for (size_t axis = 0; axis < shape.size(); ++axis)
      for (bool affine : {false, true})
        for (Placed placed : {Placed::kPlain, Placed::kBlocked}) {
          Random random(6);
          const Array x = RandomArray(shape, random, 1, 5);
          const Shape inner(shape.begin() + static_cast<ptrdiff_t>(axis), shape.end());
          const Array gamma = RandomArray(inner, random), beta = RandomArray(inner, random);
          const size_t count = gamma.data.size();
          if (count < 2) continue;
          std::vector<double> want;
          for (size_t first = 0; first < x.data.size(); first += count) {
            double mean = 0, variance = 0;
            for (size_t i = 0; i < count; ++i) mean += x.data[first + i] / double(count);
            for (size_t i = 0; i < count; ++i) variance += std::pow(x.data[first + i] - mean, 2) / double(count);
            for (size_t i = 0; i < count; ++i) {
              const double unit = (x.data[first + i] - mean) / std::sqrt(variance + 1e-5);
              want.push_back(affine ? unit * gamma.data[i] + beta.data[i] : unit);
            }
          }
          CheckNet(
              "layer norm " + Text(shape) + " axis " + std::to_string(axis),
              [&](Net& net) {
                std::vector<int> inputs = {Place(net, x, placed)};
                if (affine) inputs.insert(inputs.end(), {net.Constant(gamma), net.Constant(beta)});
                const int y = net.Result(shape);
                NormalizeSpec spec;
                spec.axis = static_cast<int>(axis);
                net.Add("normalize", inputs, y, spec);
                return y;
              },
              want, [](size_t) { return 2e-5; });
        }
}

TEST(GroupNormalization) {
  struct Case {
    Shape shape;
    int64_t groups;
  };
  const Case cases[] = {{{2, 6, 4, 3}, 2},  {{2, 6, 4, 3}, 6},  {{1, 48, 5, 5}, 2},  {{1, 48, 5, 5}, 12},
                        {{1, 40, 7, 3}, 1}, {{2, 20, 9, 1}, 4}, {{1, 64, 8, 8}, 32}, {{2, 6, 50}, 3},
                        {{2, 0, 4, 3}, 1},  {{2, 6, 0, 3}, 2},  {{0, 6, 4, 3}, 2}};
  for (const Case& c : cases)
    for (bool affine : {false, true})
      for (Placed placed : kPlacements)
        for (Act act : {Act::kNone, Act::kRelu, Act::kSilu}) {
          Random random(7);
          const Array x = RandomArray(c.shape, random, 1, 5), gamma = RandomArray({c.shape[1]}, random),
                      beta = RandomArray({c.shape[1]}, random);
          const size_t inner = x.data.size() / static_cast<size_t>(std::max<int64_t>(1, c.shape[0] * c.shape[1]));
          const size_t channels = static_cast<size_t>(c.shape[1]),
                       count = channels / static_cast<size_t>(c.groups) * inner;
          std::vector<double> want;
          for (size_t first = 0; first < x.data.size(); first += count) {
            double mean = 0, variance = 0;
            for (size_t i = 0; i < count; ++i) mean += x.data[first + i] / double(count);
            for (size_t i = 0; i < count; ++i) variance += std::pow(x.data[first + i] - mean, 2) / double(count);
            for (size_t i = 0; i < count; ++i) {
              const size_t channel = (first + i) / inner % channels;
              double v = (x.data[first + i] - mean) / std::sqrt(variance + 1e-5);
              if (affine) v = v * gamma.data[channel] + beta.data[channel];
              if (act == Act::kRelu) v = std::fmax(0, v);
              if (act == Act::kSilu) v = v / (1 + std::exp(-v));
              want.push_back(v);
            }
          }
          CheckNet(
              "group norm " + Text(c.shape) + " groups " + std::to_string(c.groups) + " " +
                  kPlacedNames[static_cast<int>(placed)],
              [&](Net& net) {
                std::vector<int> inputs = {Place(net, x, placed)};
                if (affine) inputs.insert(inputs.end(), {net.Constant(gamma), net.Constant(beta)});
                const int y = net.Result(c.shape);
                NormalizeSpec spec;
                spec.kind = NormalizeKind::kGroup;
                spec.groups = c.groups;
                spec.activation.kind = act;
                net.Add("normalize", inputs, y, spec);
                return y;
              },
              want, [](size_t) { return 2e-5; }, placed == Placed::kBlockedHalo && c.shape.size() == 4);
        }
}

double ReduceReference(Reduce fn, const std::vector<double>& terms) {
  double sum = 0, product = 1, absolute = 0, squares = 0, top = -INFINITY, bottom = INFINITY, exps = 0;
  for (double t : terms) {
    sum += t;
    product *= t;
    absolute += std::fabs(t);
    squares += t * t;
    exps += std::exp(t);
    top = std::max(top, t);
    bottom = std::min(bottom, t);
  }
  switch (fn) {
    case Reduce::kSum: return sum;
    case Reduce::kMean: return sum / static_cast<double>(terms.size());
    case Reduce::kMax: return top;
    case Reduce::kMin: return bottom;
    case Reduce::kProd: return product;
    case Reduce::kL1: return absolute;
    case Reduce::kL2: return std::sqrt(squares);
    case Reduce::kSumSquare: return squares;
    case Reduce::kLogSum: return std::log(sum);
    case Reduce::kLogSumExp: return std::log(exps);
  }
  return 0;
}

TEST(ReductionsOverAnyAxes) {
  for (const Shape& shape :
       {Shape{2, 5, 4, 3}, Shape{1, 20, 9, 7}, Shape{6, 130}, Shape{3, 2, 4, 5, 2}, Shape{2, 16, 1, 1}})
    for (unsigned mask = 1; mask < 1u << shape.size(); ++mask)
      for (int f = 0; f <= static_cast<int>(Reduce::kLogSumExp); ++f)
        for (bool keep : {false, true})
          for (Placed placed : {Placed::kPlain, Placed::kBlocked}) {
            Random random(8);
            const Array x = RandomArray(shape, random, 0.8f, 1.25f);
            ReduceSpec spec;
            spec.fn = static_cast<Reduce>(f);
            Shape kept, y_shape;
            for (size_t i = 0; i < shape.size(); ++i) {
              const bool reduced = mask >> i & 1;
              if (reduced) spec.axes.push_back(static_cast<int>(i));
              kept.push_back(reduced ? 1 : shape[i]);
              if (keep || !reduced) y_shape.push_back(kept.back());
            }
            std::vector<std::vector<double>> terms(static_cast<size_t>(ElementCount(kept)));
            Array index(kept);
            std::iota(index.data.begin(), index.data.end(), 0.f);
            for (int64_t i = 0; i < ElementCount(shape); ++i)
              terms[static_cast<size_t>(BroadcastAt(index, shape, i))].push_back(x.data[static_cast<size_t>(i)]);
            std::vector<double> want;
            for (const auto& t : terms) want.push_back(ReduceReference(spec.fn, t));
            CheckNet(
                "reduce " + std::to_string(f) + " of " + Text(shape) + " axes " + std::to_string(mask) + " " +
                    kPlacedNames[static_cast<int>(placed)],
                [&](Net& net) {
                  const int v = Place(net, x, placed), y = net.Result(y_shape);
                  net.Add("reduce", {v}, y, spec);
                  return y;
                },
                want,
                [&](size_t i) {
                  const double roundings = 80 + (spec.fn == Reduce::kProd ? static_cast<double>(terms[i].size()) : 0);
                  return roundings * kRounding * (std::fabs(want[i]) + 1);
                });
          }
}

}  // namespace
}  // namespace lanewise::test
