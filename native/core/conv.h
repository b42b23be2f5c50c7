// What the convolution files share: checked extents, and the choice between the three forms.
#pragma once
#include "core/builder.h"
#include "core/conv_form.h"
#include "core/conv_geometry.h"
#include "core/tile_step.h"

namespace lanewise {

struct ConvExtents {
  int64_t n = 0, c = 0, h = 0, w = 0;  // input
  int64_t o = 0, kh = 0, kw = 0;       // weights: output channels, kernel
  int64_t oh = 0, ow = 0;              // output
  int64_t groups = 0, group_inputs = 0, group_outputs = 0;
  int64_t taps() const { return kh * kw; }
  int64_t macs() const { return n * o * oh * ow * group_inputs * taps(); }
};

// Depthwise with multiplier one: one vector per tap (depthwise.cc).
bool IsDepthwise(const ConvExtents& e);
// Such a convolution that has kernels of its own, which need no border around their input.
bool IsDepthwiseSquare(const Conv2dSpec& spec, const ConvExtents& e);
// Every vector of output channels reads one block of input channels, whatever the ISA's vector: lanes are permuted
// (grouped.cc). The answer does not depend on the ISA, so that all of them add in the same order.
bool FitsPermutedGroups(const ConvExtents& e);

// The border around its input that a convolution reads.
Halo BorderOf(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder);

// Whether a step with constant weights is one of these two, or dense in the direct form.
bool IsPlanewise(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder);
bool IsDirectDense(const Conv2dSpec& spec, const StepSpec& step, const PlanBuilder& builder);

Status BuildDepthwise(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder);
Status BuildPermutedGroups(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder);

// Whether a dense convolution has this form, and the one that is expected to be the fastest (conv_form.cc).
bool Fits(const ConvForm& form, const Conv2dSpec& spec, const ConvExtents& e, const KernelTable& kernels);
ConvForm ChooseForm(const Conv2dSpec& spec, const ConvExtents& e, const KernelTable& kernels);
// Whether `reader` is a convolution that takes a scale of its input's channels into its weights, because these are much
// the smaller part. For a sum in the order of the definition it does not.
bool ScalesItsWeights(const StepSpec& reader, const PlanBuilder& builder);
// The forms beside the direct one on vector units: Winograd's F(m x m, 3x3) (winograd.cc), Strassen's of 1x1
// (strassen.cc), and the direct one on a matrix unit (matrix_conv.cc).
// The transforms of a block of tiles fill this share of the second cache, or more if it would have fewer tiles than
// this: all of a map of 14 x 14. The weights come once for each block, of 512 channels 38 MB.
constexpr double kWinogradShare = 0.7;
constexpr int64_t kFewestWinogradTiles = 16;
Status BuildWinograd(int m, const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder);
// Strassen's halves are made of so many channels.
constexpr int64_t kStrassenInputs = 32, kStrassenOutputs = 64;
Status BuildStrassen(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder);
Status BuildMatrix(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder);

// What the weights and biases of a convolution are multiplied by for its epilogue's sake (Act::kScaledSilu).
float SumFactor(const EpilogueSpec& epilogue);
// Weights and bias of a step made of constants, cached under `form`; for weights computed at run time (a graph input) a
// step is added that packs them, and `grid` names its tensor.
struct PackedWeights {
  std::shared_ptr<Buffer> weights;
  PixelGrid grid;
};
Status PackWeights(int v, const EpilogueSpec& epilogue, const std::string& form, size_t size, Packer packer,
                   PlanBuilder& builder, PackedWeights* packed, std::shared_ptr<PackVerdict> verdict = nullptr);
Status PackConvBias(const EpilogueSpec& epilogue, const std::string& form, size_t size, Packer packer,
                    PlanBuilder& builder, std::shared_ptr<Buffer>* packed);

// The tensor a convolution writes: in place of a residual that dies here when the epilogue reads it first.
Status ConvOutput(const EpilogueSpec& epilogue, const StepSpec& step, PlanBuilder& builder, Tensor* y);

// Input, output and epilogue of a convolution that works plane by plane, all blocked.
struct PlaneOperands {
  Tensor x, y;
  BoundEpilogue bound;
};
Status BindPlanes(const Conv2dSpec& spec, const ConvExtents& e, const StepSpec& step, PlanBuilder& builder,
                  PlaneOperands* operands);
// A bias padded to whole blocks; zeros for kNone.
Status PackBlockBias(const EpilogueSpec& epilogue, const std::string& form, int64_t channels, PlanBuilder& builder,
                     std::shared_ptr<Buffer>* packed);
// Work and traffic of a convolution, for profiles.
StepInfo ConvInfo(std::string kernel, const ConvExtents& e, const BoundEpilogue& bound);

}  // namespace lanewise
