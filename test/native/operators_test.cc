// The operators over rows inside plans: every one in every layout it can meet, on every ISA, against references that
// know nothing of layouts. Values are small multiples of 1/8 where that keeps results exact, and bounds are stated
// elsewhere.
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "core/plan.h"
#include "reference.h"

namespace lanewise::test {
namespace {

// How the operand under test lies when the operator reads it.
enum class Placed { kPlain, kBlocked, kBlockedHalo };
const char* const kPlacedNames[] = {"plain", "blocked", "blocked with halo"};

struct Array {
  Shape shape;
  std::vector<float> data;
  explicit Array(Shape s = {}) : shape(std::move(s)), data(static_cast<size_t>(ElementCount(shape))) {}
};

Array RandomArray(Shape shape, Random& random, float lo = -3, float hi = 3) {
  Array a(std::move(shape));
  random.Fill(a.data, lo, hi);
  return a;
}

// The element of `a`, repeated to `shape`, at the index of element i of `shape`.
float BroadcastAt(const Array& a, const Shape& shape, int64_t i) {
  int64_t at = 0, stride = 1;
  for (size_t k = 0; k < shape.size(); ++k) {
    const int64_t size = shape[shape.size() - 1 - k], index = i % size;
    i /= size;
    if (k >= a.shape.size()) continue;
    const int64_t own = a.shape[a.shape.size() - 1 - k];
    if (own != 1) at += index * stride;
    stride *= own;
  }
  return a.data[static_cast<size_t>(at)];
}

// Builds plans with one operator under test.
class Net {
 public:
  int Input(const Array& a) {
    const int v = Value(a.shape, nullptr);
    spec_.inputs.push_back({v, PortLayout::kNchw});
    inputs_.push_back(a.data.data());
    return v;
  }
  int Constant(const Array& a) {
    static const float nothing = 0;  // what makes a constant of no elements one
    return Value(a.shape, a.data.empty() ? &nothing : a.data.data());
  }
  int Result(const Shape& shape) { return Value(shape, nullptr); }

  // The operand as an input, passed through an identity convolution to become blocked.
  int Operand(const Array& a, Placed placed) {
    const int v = Input(a);
    if (placed == Placed::kPlain || a.shape.size() != 4) return v;
    const int y = Result(a.shape);
    Convolve(v, y, 1);
    return y;
  }
  // A padded reader, so that the value gets a halo.
  void NeedHalo(int v) {
    const int y = Result(spec_.values[static_cast<size_t>(v)].shape);
    Convolve(v, y, 3);
    Output(y);
  }
  template <typename Spec>
  void Add(const char* op, std::vector<int> inputs, int output, const Spec& spec) {
    spec_.steps.push_back({op, "node", std::move(inputs), {output}, spec});
  }
  void Output(int v) {
    spec_.outputs.push_back({v, PortLayout::kNchw});
    outputs_.emplace_back(static_cast<size_t>(ElementCount(spec_.values[static_cast<size_t>(v)].shape)), kNan);
  }

  // Runs on an ISA; the first output.
  std::vector<float> Run(const KernelTable& kernels, Status* status) {
    PackCache packs;
    std::unique_ptr<Plan> plan;
    *status = Plan::Create(spec_, kernels, packs, &plan);
    if (!status->ok()) return {};
    std::vector<float*> outputs;
    for (auto& o : outputs_) outputs.push_back(o.data());
    RunOptions options;
    options.inputs = inputs_.data();
    options.outputs = outputs.data();
    options.threads = 2;
    *status = plan->Run(options);
    return outputs_.front();
  }

 private:
  int Value(const Shape& shape, const float* data) {
    spec_.values.push_back({"v" + std::to_string(spec_.values.size()), shape, data, kNone});
    return static_cast<int>(spec_.values.size()) - 1;
  }
  void Convolve(int x, int y, int64_t kernel) {
    const int64_t c = spec_.values[static_cast<size_t>(x)].shape[1];
    Array w({c, c, kernel, kernel});
    for (int64_t i = 0; i < c; ++i)
      w.data[static_cast<size_t>(((i * c + i) * kernel + kernel / 2) * kernel + kernel / 2)] = 1;
    kept_.push_back(std::move(w));
    Conv2dSpec conv;
    conv.pads = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
    Add("conv2d", {x, Constant(kept_.back())}, y, conv);
  }

  PlanSpec spec_;
  std::vector<const float*> inputs_;
  std::vector<std::vector<float>> outputs_;
  std::deque<Array> kept_;
};

// Compares one plan on every ISA; build(net) returns the value under test.
void CheckNet(const std::string& what, const std::function<int(Net&)>& build, const std::vector<double>& want,
              const std::function<double(size_t)>& bound, bool with_halo = false) {
  for (const KernelTable* table : Tables()) {
    Net net;
    const int y = build(net);
    net.Output(y);
    if (with_halo) net.NeedHalo(y);
    Status status;
    const std::vector<float> got = net.Run(*table, &status);
    CHECK(status.ok(), "%s %s: %s", table->isa, what.c_str(), status.message.c_str());
    if (!status.ok()) continue;
    CHECK(got.size() == want.size(), "%s %s: %zu elements", table->isa, what.c_str(), got.size());
    for (size_t i = 0; i < got.size() && i < want.size(); ++i)
      CHECK(Near(got[i], want[i], bound(i)), "%s %s [%zu]: %.9g, want %.9g", table->isa, what.c_str(), i,
            double(got[i]), want[i]);
  }
}

const Placed kPlacements[] = {Placed::kPlain, Placed::kBlocked, Placed::kBlockedHalo};
const Shape kImages[] = {{1, 3, 1, 1}, {2, 5, 4, 3}, {1, 17, 7, 7}, {2, 40, 5, 1}, {1, 32, 40, 33}, {0, 4, 2, 2}};

std::string Text(const Shape& shape) {
  std::string s;
  for (int64_t d : shape) s += (s.empty() ? "" : "x") + std::to_string(d);
  return s;
}

// The operand in the layout under test. "With halo" is about the result: its padded reader is added after it.
int Place(Net& net, const Array& a, Placed placed) {
  return net.Operand(a, placed == Placed::kBlockedHalo ? Placed::kBlocked : placed);
}

TEST(UnaryInPlans) {
  for (const Shape& shape : kImages)
    for (Placed placed : kPlacements) {
      Random random(1);
      const Array x = RandomArray(shape, random);
      std::vector<double> want;
      for (float v : x.data) want.push_back(std::fabs(v));
      CheckNet(
          "abs " + Text(shape) + " " + kPlacedNames[static_cast<int>(placed)],
          [&](Net& net) {
            const int v = Place(net, x, placed), y = net.Result(shape);
            net.Add("unary", {v}, y, UnarySpec{Unary::kAbs, 0, 0});
            return y;
          },
          want, [](size_t) { return 0.0; }, placed == Placed::kBlockedHalo);
    }
}

TEST(BinaryBroadcasts) {
  struct Case {
    Shape a, b, y;
  };
  const Case cases[] = {
      {{2, 5, 4, 3}, {2, 5, 4, 3}, {2, 5, 4, 3}},
      {{2, 5, 4, 3}, {1, 5, 1, 1}, {2, 5, 4, 3}},
      {{2, 5, 4, 3}, {2, 5, 1, 1}, {2, 5, 4, 3}},
      {{2, 5, 4, 3}, {5, 1, 1}, {2, 5, 4, 3}},
      {{1}, {2, 20, 4, 3}, {2, 20, 4, 3}},
      {{2, 20, 4, 3}, {}, {2, 20, 4, 3}},
      {{2, 20, 1, 1}, {2, 20, 6, 5}, {2, 20, 6, 5}},
      {{2, 5, 4, 3}, {4, 3}, {2, 5, 4, 3}},
      {{2, 5, 4, 3}, {2, 1, 4, 3}, {2, 5, 4, 3}},
      {{2, 5, 1, 3}, {1, 5, 4, 1}, {2, 5, 4, 3}},
      {{7, 1}, {1, 9}, {7, 9}},
      {{3, 1, 4}, {2, 1}, {3, 2, 4}},
      {{0, 3}, {3}, {0, 3}},
      {{1, 24, 30, 31}, {24, 1, 1}, {1, 24, 30, 31}},
  };
  for (const Case& c : cases)
    for (Placed placed : kPlacements)
      for (int constant = 0; constant < 3; ++constant)
        for (bool active : {false, true}) {
          Random random(2);
          const Array a = RandomArray(c.a, random), b = RandomArray(c.b, random, 1, 3);
          std::vector<double> want;
          for (int64_t i = 0; i < ElementCount(c.y); ++i) {
            const double d = static_cast<double>(BroadcastAt(a, c.y, i)) - BroadcastAt(b, c.y, i);
            want.push_back(active ? std::fmax(0, d) : d);
          }
          CheckNet(
              "sub " + Text(c.a) + " - " + Text(c.b) + " " + kPlacedNames[static_cast<int>(placed)],
              [&](Net& net) {
                // Constants stand for either operand; the other one, and so the result, may be blocked.
                const int va = constant == 1 ? net.Constant(a) : Place(net, a, placed);
                const int vb = constant == 2 ? net.Constant(b) : Place(net, b, c.b == c.y ? placed : Placed::kPlain);
                const int y = net.Result(c.y);
                net.Add("binary", {va, vb}, y, BinarySpec{Binary::kSub, {active ? Act::kRelu : Act::kNone, 0, 0}});
                return y;
              },
              want, [&](size_t i) { return kRounding * std::fabs(want[i]); },
              placed == Placed::kBlockedHalo && c.y.size() == 4);
        }
}

TEST(ScaleInPlans) {
  for (const Shape& shape : {Shape{2, 6, 4, 3}, Shape{1, 48, 9, 7}, Shape{3, 24}, Shape{2, 4, 5}, Shape{0, 4, 2, 2}})
    for (int64_t share : {1, 2, 0})
      for (Placed placed : kPlacements)
        for (bool constant : {false, true})
          for (bool with_shift : {false, true})
            for (Act act : {Act::kNone, Act::kRelu, Act::kHardSwish}) {
              Random random(3);
              const int64_t channels = shape[1], count = share == 0 ? 1 : channels / share;
              const Array x = RandomArray(shape, random), s = RandomArray({count}, random),
                          t = RandomArray({count}, random);
              std::vector<double> want, size;
              const int64_t inner = ElementCount(shape) / std::max<int64_t>(1, shape[0] * channels);
              for (size_t i = 0; i < x.data.size(); ++i) {
                const size_t g = i / static_cast<size_t>(inner) % static_cast<size_t>(channels) *
                                 static_cast<size_t>(count) / static_cast<size_t>(channels);
                const double product = static_cast<double>(x.data[i]) * s.data[g];
                double v = product + (with_shift ? t.data[g] : 0);
                if (act == Act::kRelu) v = std::fmax(0, v);
                if (act == Act::kHardSwish) v *= std::fmin(1, std::fmax(0, v / 6 + 0.5));
                want.push_back(v);
                size.push_back(std::fabs(product) + 3);
              }
              CheckNet(
                  "scale " + Text(shape) + " by " + std::to_string(count) + " " +
                      kPlacedNames[static_cast<int>(placed)],
                  [&](Net& net) {
                    const auto factors = [&](const Array& f) { return constant ? net.Constant(f) : net.Input(f); };
                    std::vector<int> inputs = {Place(net, x, placed), factors(s)};
                    if (with_shift) inputs.push_back(factors(t));
                    const int y = net.Result(shape);
                    net.Add("scale", inputs, y, ScaleSpec{{act, 1 / 6.f, 0.5f}});
                    return y;
                  },
                  want, [&](size_t i) { return 20 * kRounding * size[i]; },
                  placed == Placed::kBlockedHalo && shape.size() == 4);
            }
}

TEST(SqueezeExcite) {
  for (const Shape& shape : {Shape{1, 16, 7, 7}, Shape{2, 20, 5, 3}, Shape{1, 72, 14, 14}})
    for (Placed placed : kPlacements) {
      Random random(4);
      const int64_t c = shape[1], r = 5, pixels = shape[2] * shape[3];
      const Array x = RandomArray(shape, random), w1 = RandomArray({r, c}, random, -1, 1),
                  b1 = RandomArray({r}, random), w2 = RandomArray({c, r}, random, -1, 1), b2 = RandomArray({c}, random);
      std::vector<double> want;
      for (int64_t n = 0; n < shape[0]; ++n) {
        std::vector<double> mean(static_cast<size_t>(c)), hidden(static_cast<size_t>(r));
        const float* image = &x.data[static_cast<size_t>(n * c * pixels)];
        for (int64_t i = 0; i < c * pixels; ++i) mean[static_cast<size_t>(i / pixels)] += image[i] / double(pixels);
        for (size_t o = 0; o < hidden.size(); ++o) {
          hidden[o] = b1.data[o];
          for (size_t k = 0; k < mean.size(); ++k) hidden[o] += w1.data[o * mean.size() + k] * mean[k];
          hidden[o] = std::fmax(0, hidden[o]);
        }
        for (size_t k = 0; k < mean.size(); ++k) {
          double gate = b2.data[k];
          for (size_t o = 0; o < hidden.size(); ++o) gate += w2.data[k * hidden.size() + o] * hidden[o];
          gate = 1 / (1 + std::exp(-gate));
          for (int64_t p = 0; p < pixels; ++p) want.push_back(image[static_cast<int64_t>(k) * pixels + p] * gate);
        }
      }
      CheckNet(
          "squeeze-excite " + Text(shape) + " " + kPlacedNames[static_cast<int>(placed)],
          [&](Net& net) {
            const int v = Place(net, x, placed), y = net.Result(shape);
            net.Add("squeezeExcite", {v, net.Constant(w1), net.Constant(b1), net.Constant(w2), net.Constant(b2)}, y,
                    SqueezeExciteSpec{{Act::kRelu, 0, 0}, {Act::kSigmoid, 0, 0}});
            return y;
          },
          want, [](size_t) { return 1e-5; }, placed == Placed::kBlockedHalo);
    }
}

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
                        {{1, 40, 7, 3}, 1}, {{2, 20, 9, 1}, 4}, {{1, 64, 8, 8}, 32}, {{2, 6, 50}, 3}};
  for (const Case& c : cases)
    for (bool affine : {false, true})
      for (Placed placed : kPlacements)
        for (Act act : {Act::kNone, Act::kRelu, Act::kSilu}) {
          Random random(7);
          const Array x = RandomArray(c.shape, random, 1, 5), gamma = RandomArray({c.shape[1]}, random),
                      beta = RandomArray({c.shape[1]}, random);
          const size_t inner = x.data.size() / static_cast<size_t>(c.shape[0] * c.shape[1]);
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
