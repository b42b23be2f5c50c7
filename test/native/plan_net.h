// Plans with one operator under test: its operand in every layout it can meet, on every ISA, against references that
// know nothing of layouts.
#pragma once
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/plan.h"
#include "reference.h"

namespace lanewise::test {

// How the operand under test lies when the operator reads it.
enum class Placed { kPlain, kBlocked, kBlockedHalo };
inline const char* const kPlacedNames[] = {"plain", "blocked", "blocked with halo"};

struct Array {
  Shape shape;
  std::vector<float> data;
  explicit Array(Shape s = {}) : shape(std::move(s)), data(static_cast<size_t>(ElementCount(shape))) {}
};

inline Array RandomArray(Shape shape, Random& random, float lo = -3, float hi = 3) {
  Array a(std::move(shape));
  random.Fill(a.data, lo, hi);
  return a;
}

// The element of `a`, repeated to `shape`, at the index of element i of `shape`.
inline float BroadcastAt(const Array& a, const Shape& shape, int64_t i) {
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
  PlanOptions plan_options;
  std::set<std::string> kernels_used;  // by the last run

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
    *status = Plan::Create(spec_, kernels, packs, &plan, plan_options);
    if (!status->ok()) return {};
    for (size_t i = 0; i < plan->step_count(); ++i) kernels_used.insert(plan->step_info(i).kernel);
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
inline void CheckNet(const std::string& what, const std::function<int(Net&)>& build, const std::vector<double>& want,
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

inline const Placed kPlacements[] = {Placed::kPlain, Placed::kBlocked, Placed::kBlockedHalo};
inline std::string Text(const Shape& shape) {
  std::string s;
  for (int64_t d : shape) s += (s.empty() ? "" : "x") + std::to_string(d);
  return s;
}

// The operand in the layout under test. "With halo" is about the result: its padded reader is added after it.
inline int Place(Net& net, const Array& a, Placed placed) {
  return net.Operand(a, placed == Placed::kBlockedHalo ? Placed::kBlocked : placed);
}

}  // namespace lanewise::test
