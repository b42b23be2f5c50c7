// Plans that the core refuses, each once a read or write outside of its tensors; and the one that it must not refuse.
// Found by fuzz_plan and fuzz_rows.
#include <functional>
#include <memory>
#include <string>

#include "check.h"
#include "core/plan.h"
#include "random_net.h"
#include "reference.h"

namespace lanewise::test {
namespace {

struct Refusal {
  const char* reason;  // part of the message
  std::function<int(Net&)> build;
};

const Refusal kRefusals[] = {
    {"has not the shape of the product",
     [](Net& net) {
       return net.Step("matmul", {net.Input({2, 3}), net.Constant({3, 4}, std::vector<float>(12))}, {2, 40},
                       MatmulSpec{});
     }},
    {"has not the shape of the product",
     [](Net& net) {
       return net.Step("matmul", {net.Input({5, 2, 3}), net.Constant({3, 4}, std::vector<float>(12))}, {7, 2, 4},
                       MatmulSpec{});
     }},
    {"has not the shape of the input",
     [](Net& net) { return net.Step("unary", {net.Input({4})}, {400}, UnarySpec{}); }},
    {"has not the shape of the input",
     [](Net& net) {
       return net.Step("softmax", {net.Input({4, 4})}, {4}, SoftmaxSpec{});
     }},
    {"do not broadcast",
     [](Net& net) {
       return net.Step("binary", {net.Input({1}), net.Input({1})}, {90}, BinarySpec{});
     }},
    {"does not fit the reduced axes",
     [](Net& net) {
       return net.Step("reduce", {net.Input({4, 4})}, {4, 4}, ReduceSpec{Reduce::kSum, {1}});
     }},
    {"",
     [](Net& net) {
       return net.Step("concat", {net.Input({1, 8}), net.Input({1, 8})}, {1, 16, 1, 1}, ConcatSpec{1});
     }},
    {"must have the shape of the output",
     [](Net& net) {
       MatmulSpec spec;
       spec.epilogue.gate = net.Input({1, 2, 1, 1});
       return net.Step("matmul", {net.Input({1, 2, 3, 3}), net.Input({3, 40})}, {1, 2, 3, 40}, spec);
     }},
    {"one element per channel",
     [](Net& net) {
       NormalizeSpec norm;
       norm.kind = NormalizeKind::kGroup;
       const int gamma = net.Constant({64}, std::vector<float>(64)), beta = net.Constant({1}, {0});
       return net.Step("normalize", {net.Input({1, 64, 2, 2}), gamma, beta}, {1, 64, 2, 2}, norm);
     }},
    {"read before it is written",
     [](Net& net) { return net.Step("unary", {net.Value("nobody's", {4})}, {4}, UnarySpec{}); }},
    {"defined twice",
     [](Net& net) {
       const int x = net.Input({4});
       const int y = net.Step("unary", {x}, {4}, UnarySpec{});
       net.Step("unary", {x}, {4}, UnarySpec{});
       net.spec.steps.back().outputs = {y};
       return y;
     }},
};

TEST(PlansThatLeaveTheirTensorsAreRefused) {
  for (const KernelTable* table : Tables()) {
    for (const Refusal& refusal : kRefusals) {
      Net net;
      net.Output(refusal.build(net));
      PackCache packs;
      std::unique_ptr<Plan> plan;
      const Status status = Plan::Create(net.spec, *table, packs, &plan);
      CHECK(status.code == Code::kInvalidValue, "%s: accepted, though: %s", table->isa, refusal.reason);
      CHECK(status.message.find(refusal.reason) != std::string::npos, "%s: '%s' does not say '%s'", table->isa,
            status.message.c_str(), refusal.reason);
    }
  }
}

// Rows of a [N, 1] tensor run across images, where the factors do not.
TEST(OneChannelIsScaledInEveryImage) {
  for (const KernelTable* table : Tables()) {
    Net net;
    constexpr int64_t kImages = 37;
    const int x = net.Input({kImages, 1});
    const int y = net.Step("scale", {x, net.Constant({1}, {2}), net.Constant({1}, {1})}, {kImages, 1}, ScaleSpec{});
    net.Output(y);
    PackCache packs;
    std::unique_ptr<Plan> plan;
    const Status status = Plan::Create(net.spec, *table, packs, &plan);
    CHECK(status.ok(), "%s: %s", table->isa, status.message.c_str());
    if (!status.ok()) continue;
    std::vector<float> input(kImages), output(kImages, kNan);
    for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i);
    const float* in = input.data();
    float* out = output.data();
    RunOptions options;
    options.inputs = &in;
    options.outputs = &out;
    CHECK(plan->Run(options).ok());
    for (size_t i = 0; i < input.size(); ++i)
      CHECK(output[i] == 2 * input[i] + 1, "%s [%zu]: %g", table->isa, i, static_cast<double>(output[i]));
  }
}

}  // namespace
}  // namespace lanewise::test
