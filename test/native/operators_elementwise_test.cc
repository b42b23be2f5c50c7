// Unary, binary, scale and squeeze-and-excitation inside plans.
#include "plan_net.h"

namespace lanewise::test {
namespace {

const Shape kImages[] = {{1, 3, 1, 1}, {2, 5, 4, 3}, {1, 17, 7, 7}, {2, 40, 5, 1}, {1, 32, 40, 33}, {0, 4, 2, 2}};

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
      const bool add_input = shape[0] == 2;
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
          gate += add_input;
          for (int64_t p = 0; p < pixels; ++p) want.push_back(image[static_cast<int64_t>(k) * pixels + p] * gate);
        }
      }
      CheckNet(
          "squeeze-excite " + Text(shape) + " " + kPlacedNames[static_cast<int>(placed)],
          [&](Net& net) {
            const int v = Place(net, x, placed), y = net.Result(shape);
            net.Add("squeezeExcite", {v, net.Constant(w1), net.Constant(b1), net.Constant(w2), net.Constant(b2)}, y,
                    SqueezeExciteSpec{{Act::kRelu, 0, 0}, {Act::kSigmoid, 0, 0}, add_input});
            return y;
          },
          want, [](size_t) { return 1e-5; }, placed == Placed::kBlockedHalo);
    }
}

// The reader of squeeze-and-excitation is a pointwise convolution, which may take the gate into its weights.
TEST(SqueezeExciteIntoWeights) {
  enum class Also { kNothing, kReadsInput, kOutput };
  struct Case {
    Shape x;
    int64_t outputs;
    Also also;
    bool strict, folds;
  };
  const Case cases[] = {
      {{1, 16, 16, 16}, 8, Also::kNothing, false, true},   {{2, 20, 31, 15}, 29, Also::kNothing, false, true},
      {{3, 33, 40, 40}, 100, Also::kNothing, false, true}, {{1, 16, 16, 16}, 17, Also::kNothing, false, false},
      {{1, 16, 16, 16}, 8, Also::kNothing, true, false},   {{2, 16, 20, 20}, 16, Also::kReadsInput, false, false},
      {{2, 16, 20, 20}, 16, Also::kOutput, false, false},
  };
  for (const Case& test : cases) {
    Random random(5);
    const int64_t n = test.x[0], c = test.x[1], o = test.outputs, r = 3, pixels = test.x[2] * test.x[3];
    const Array x = RandomArray(test.x, random), w1 = RandomArray({r, c}, random, -1, 1), b1 = RandomArray({r}, random),
                w2 = RandomArray({c, r}, random, -1, 1), b2 = RandomArray({c}, random);
    const Array w = RandomArray({o, c, 1, 1}, random, -1, 1), bias = RandomArray({o}, random);
    std::vector<double> want, size;
    for (int64_t image = 0; image < n; ++image) {
      const float* from = &x.data[static_cast<size_t>(image * c * pixels)];
      std::vector<double> mean(static_cast<size_t>(c)), hidden(static_cast<size_t>(r)), gate(mean.size());
      for (int64_t i = 0; i < c * pixels; ++i) mean[static_cast<size_t>(i / pixels)] += from[i] / double(pixels);
      for (size_t h = 0; h < hidden.size(); ++h) {
        hidden[h] = b1.data[h];
        for (size_t k = 0; k < mean.size(); ++k) hidden[h] += w1.data[h * mean.size() + k] * mean[k];
        hidden[h] = std::fmax(0, hidden[h]);
      }
      for (size_t k = 0; k < gate.size(); ++k) {
        double sum = b2.data[k];
        for (size_t h = 0; h < hidden.size(); ++h) sum += w2.data[k * hidden.size() + h] * hidden[h];
        gate[k] = 1 / (1 + std::exp(-sum));
      }
      for (int64_t i = 0; i < o * pixels; ++i) {
        const int64_t out = i / pixels, pixel = i % pixels;
        const double residual = test.also == Also::kReadsInput ? double(from[out * pixels + pixel]) : 0;
        double sum = bias.data[static_cast<size_t>(out)] + residual, terms = std::fabs(sum) + std::fabs(residual);
        for (int64_t k = 0; k < c; ++k) {
          const double term = double(w.data[static_cast<size_t>(out * c + k)]) * double(from[k * pixels + pixel]) *
                              gate[static_cast<size_t>(k)];
          sum += term;
          terms += std::fabs(term);
        }
        want.push_back(sum);
        size.push_back(terms);
      }
    }
    for (const KernelTable* table : Tables()) {
      Net net;
      net.plan_options.strict = test.strict;
      net.plan_options.form = ConvForm{};
      const int v = net.Operand(x, Placed::kBlocked), scaled = net.Result(test.x),
                y = net.Result({n, o, test.x[2], test.x[3]});
      net.Add("squeezeExcite", {v, net.Constant(w1), net.Constant(b1), net.Constant(w2), net.Constant(b2)}, scaled,
              SqueezeExciteSpec{{Act::kRelu, 0, 0}, {Act::kSigmoid, 0, 0}});
      Conv2dSpec conv;
      conv.epilogue.bias = net.Constant(bias);
      if (test.also == Also::kReadsInput) conv.epilogue.residual = v;
      net.Add("conv2d", {scaled, net.Constant(w)}, y, conv);
      net.Output(y);
      if (test.also == Also::kOutput) net.Output(scaled);
      Status status;
      const std::vector<float> got = net.Run(*table, &status);
      const std::string what = std::string(table->isa) + " " + Text(test.x) + " to " + std::to_string(o);
      CHECK(status.ok(), "%s: %s", what.c_str(), status.message.c_str());
      CHECK((net.kernels_used.count("weights scaled") > 0) == test.folds, "%s: the weights", what.c_str());
      for (size_t i = 0; i < got.size(); ++i) {
        const double bound = 1e-5 + (double(c) + 4) * kRounding * size[i];
        CHECK(Near(got[i], want[i], bound), "%s [%zu]: %.9g, want %.9g", what.c_str(), i, double(got[i]), want[i]);
      }
    }
  }
}

}  // namespace
}  // namespace lanewise::test
