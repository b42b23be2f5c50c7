// The weights and biases of convolutions and products, packed: once where they are constants, else on every run.
#include <algorithm>
#include <string>

#include "core/conv.h"

namespace lanewise {
namespace {

// Packs weights that are not constants, on every run.
class PackStep : public Step {
 public:
  PackStep(Tensor source, Tensor packed, Packer packer)
      : source_(std::move(source)), packed_(std::move(packed)), packer_(std::move(packer)) {
    parts_ = packer_.PartsOf(static_cast<size_t>(ElementCount(source_.shape)));
  }
  size_t items() const override { return 1; }
  void Run(const RunContext& context, size_t begin, size_t end) const override {
    if (begin == end) return;
    float* out = context.Data(packed_.id);
    std::fill_n(out, ElementCount(packed_.shape), 0.f);
    const float* elements = context.Data(source_.id);
    for (size_t i = 0; i < parts_.size(); ++i) packer_(i, elements + parts_[i].first, out);
  }

 private:
  Tensor source_, packed_;
  Packer packer_;
  std::vector<Packer::Part> parts_;
};

}  // namespace

float SumFactor(const EpilogueSpec& epilogue) { return epilogue.activation.kind == Act::kScaledSilu ? kSiluFactor : 1; }

Status PackWeights(int v, const EpilogueSpec& epilogue, const std::string& form, size_t size, Packer packer,
                   PlanBuilder& builder, PackedWeights* packed, std::shared_ptr<PackVerdict> verdict) {
  if (builder.IsConstant(v)) {
    packer.MultiplyBy(SumFactor(epilogue));
    return builder.Pack(v, form, size, std::move(packer), &packed->weights, std::move(verdict));
  }
  Tensor source, tensor;
  LANEWISE_RETURN_IF_ERROR(builder.In(v, Layout::kPlain, &source));
  LANEWISE_RETURN_IF_ERROR(builder.Temporary({static_cast<int64_t>(size)}, Layout::kPlain, &tensor));
  StepInfo info;
  info.kernel = "pack " + form;
  info.bytes = static_cast<int64_t>(8 * size);
  builder.Add(std::make_unique<PackStep>(source, tensor, std::move(packer)), info);
  packed->grid.tensor = tensor.id;
  return Status::Ok();
}

Status PackConvBias(const EpilogueSpec& epilogue, const std::string& form, size_t size, Packer packer,
                    PlanBuilder& builder, std::shared_ptr<Buffer>* packed) {
  const int v = epilogue.bias;
  if (v == kNone) {
    *packed = std::make_shared<Buffer>();
    return (*packed)->Allocate(size, /*zeroed=*/true);
  }
  if (!builder.IsConstant(v)) return Status::Unsupported(builder.Where() + ": the bias must be a constant");
  const Shape& y = builder.shape(builder.current().outputs[0]);
  const int64_t channels = builder.current().op == "matmul" ? y.back() : y[1];
  if (ElementCount(builder.shape(v)) != channels) {
    return Status::Invalid(builder.Where() + ": expected " + std::to_string(channels) + " bias values, got " +
                           std::to_string(ElementCount(builder.shape(v))));
  }
  packer.MultiplyBy(SumFactor(epilogue));
  return builder.Pack(v, "bias " + form, size, std::move(packer), packed);
}

Status PackBlockBias(const EpilogueSpec& epilogue, const std::string& form, int64_t channels, PlanBuilder& builder,
                     std::shared_ptr<Buffer>* packed) {
  const int64_t lanes = builder.lanes();
  return PackConvBias(epilogue, form, static_cast<size_t>((channels + lanes - 1) / lanes * lanes),
                      Packer([channels](const float* values, float* out) { std::copy_n(values, channels, out); }),
                      builder, packed);
}

}  // namespace lanewise
