// One Build function per operator family; plan.cc dispatches on the variant of StepSpec::spec. Each lives in the file
// of its family (conv.cc, pool.cc, ...), next to the steps it adds.
#pragma once
#include "core/builder.h"

namespace lanewise {

Status Build(const Conv2dSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ConvTranspose2dSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const MatmulSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const Pool2dSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const GlobalPoolSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const Resize2dSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const SoftmaxSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const NormalizeSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const UnarySpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const BinarySpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ScaleSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const SqueezeExciteSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ConcatSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const SplitSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ChannelShuffleSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const TransposeSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const SliceSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const PadSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ReduceSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ReshapeSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const ExpandSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const GatherSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const InterpolateSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const WindowPoolSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const LrnSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const HardmaxSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const GridSampleSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const RoiAlignSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const MaxRoiPoolSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const DeformColumnsSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const RecurrentSpec& spec, const StepSpec& step, PlanBuilder& builder);
Status Build(const TypedSpec& spec, const StepSpec& step, PlanBuilder& builder);

}  // namespace lanewise
