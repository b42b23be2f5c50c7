// Transposed convolution by phases: the outputs at one residue of the stride are an ordinary convolution of stride one
// with the taps of that residue, written with the stride between its pixels. No column buffer, no scatter, no wasted
// product.
#include <algorithm>
#include <string>

#include "core/build.h"
#include "core/conv.h"
#include "core/pack.h"

namespace lanewise {
namespace {

struct Phase {
  PhaseAxis rows, cols;
  int64_t row, col;  // residues
};

void AppendRuns(const Tensor& x, const Phase& phase, int64_t channel, int64_t count, std::vector<Run>* runs) {
  for (int64_t row : phase.rows.offsets) {
    for (int64_t col : phase.cols.offsets) {
      const int64_t tap = row * x.row_stride + col * x.pixel_stride;
      for (int64_t c = channel; c < channel + count;) {
        const int64_t lane = c % x.lanes;
        const int64_t length = std::min<int64_t>(x.lanes - lane, channel + count - c);
        runs->push_back({tap + c / x.lanes * x.block_stride + lane, static_cast<size_t>(length)});
        c += length;
      }
    }
  }
}

PixelGrid PhaseGrid(PixelGrid grid, const Phase& phase, const Pair& strides) {
  if (grid.tensor == kNone) return grid;
  grid.origin += phase.row * grid.row_stride + phase.col * grid.pixel_stride;
  grid.row_stride *= strides.h;
  grid.pixel_stride *= strides.w;
  return grid;
}

Status BuildPhase(const ConvTranspose2dSpec& spec, const ConvExtents& e, const Phase& phase, const Tensor& x,
                  const Tensor& y, const BoundEpilogue& bound, const StepSpec& step, PlanBuilder& builder) {
  TileGeometry g;
  g.images = e.n;
  g.rows = phase.rows.outputs;
  g.cols = phase.cols.outputs;
  g.lanes = builder.lanes();
  g.x = GridOf(x);
  g.y = PhaseGrid(GridOf(y), phase, spec.strides);
  g.residual = PhaseGrid(bound.residual, phase, spec.strides);
  g.gate = PhaseGrid(bound.gate, phase, spec.strides);
  const auto taps = static_cast<int64_t>(phase.rows.taps.size() * phase.cols.taps.size());
  g.depth = e.group_inputs * taps;
  g.x_row_elements = e.c * (x.w() + x.halo.left + x.halo.right);
  MergeRows(&g);

  const TileChoice choice = ChooseTile(builder.kernels(), g.cols, e.group_outputs, g.depth);
  SegmentPlan cut = CutSegments(e.o, e.groups, e.group_inputs, g.depth, choice.vectors, g.lanes, true);
  int64_t group = -1;
  size_t first_run = 0, run_count = 0;
  for (Segment& s : cut.segments) {
    if (s.input_channel != group) {
      group = s.input_channel;
      first_run = g.runs.size();
      AppendRuns(x, phase, s.input_channel, e.group_inputs, &g.runs);
      run_count = g.runs.size() - first_run;
    }
    s.first_run = first_run;
    s.run_count = run_count;
  }
  g.segments = cut.segments;

  const auto pack = [segments = cut.segments, runs = g.runs, lanes = g.lanes, phase, e](const float* weights,
                                                                                        float* packed) {
    PackTiles(
        segments, runs, lanes, weights,
        [&](int64_t o, int64_t element) {
          const int64_t c = o / e.group_outputs * e.group_inputs + element % e.group_inputs;
          const int64_t tap = element / e.group_inputs;
          const auto cols = static_cast<int64_t>(phase.cols.taps.size());
          const int64_t ky = phase.rows.taps[static_cast<size_t>(tap / cols)];
          const int64_t kx = phase.cols.taps[static_cast<size_t>(tap % cols)];
          return ((c * e.group_outputs + o % e.group_outputs) * e.kh + ky) * e.kw + kx;
        },
        packed);
  };
  const std::string form = "transposed " + std::to_string(g.lanes) + "x" + std::to_string(choice.vectors) + " groups " +
                           std::to_string(e.groups) + " phase " + std::to_string(phase.row) + "," +
                           std::to_string(phase.col) + " of " + std::to_string(spec.strides.h) + "," +
                           std::to_string(spec.strides.w) + " pads " + std::to_string(spec.pads.top) + "," +
                           std::to_string(spec.pads.left) + " dilations " + std::to_string(spec.dilations.h) + "," +
                           std::to_string(spec.dilations.w);
  PackedWeights weights;
  LANEWISE_RETURN_IF_ERROR(
      PackWeights(step.inputs[1], spec.epilogue, form, cut.weights_size, Packer(pack), builder, &weights));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));
  StepInfo info;
  info.kernel = "tile transposed x" + std::to_string(choice.vectors);
  info.macs = e.n * phase.rows.outputs * phase.cols.outputs * e.o * g.depth;
  info.bytes = 4 * (e.n * e.c * e.h * e.w + e.n * e.o * phase.rows.outputs * phase.cols.outputs + e.o * g.depth);
  g.threads = builder.options().threads;
  auto tile = std::make_unique<TileStep>(builder.kernels(), std::move(g), choice, weights.weights, bias, bound.epilogue,
                                         bound.keep);
  tile->ReadWeightsFrom(weights.grid);
  builder.Add(std::move(tile), info);
  return Status::Ok();
}

}  // namespace

Status Build(const ConvTranspose2dSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& xs = builder.shape(step.inputs[0]);
  const Shape& ws = builder.shape(step.inputs[1]);
  const Shape& ys = builder.shape(step.outputs[0]);
  if (xs.size() != 4 || ws.size() != 4 || ys.size() != 4) return Status::Invalid(builder.Where() + ": expected rank 4");
  if (spec.groups < 1 || xs[1] != ws[0] || xs[1] % spec.groups != 0 || ys[1] != ws[1] * spec.groups || ys[0] != xs[0]) {
    return Status::Invalid(builder.Where() + ": channels and groups do not agree");
  }
  // Every phase is a step. No network strides that far; a hostile one would fill memory with steps.
  constexpr int64_t kMaxPhases = 4096;
  if (std::min(spec.strides.h, ys[2]) > kMaxPhases / std::max<int64_t>(1, std::min(spec.strides.w, ys[3]))) {
    return Status::Unsupported(builder.Where() + ": strides of more than " + std::to_string(kMaxPhases) + " phases");
  }
  const ConvExtents e{xs[0], xs[1], xs[2], xs[3], ys[1], ws[2], ws[3], ys[2], ys[3], spec.groups, xs[1] / spec.groups,
                      ws[1]};
  Tensor x, y;
  LANEWISE_RETURN_IF_ERROR(
      builder.In(step.inputs[0], Layout::kBlocked, ConvTransposeHalo(spec, xs, ws, ys), kNone, &x));
  BoundEpilogue bound;
  LANEWISE_RETURN_IF_ERROR(BindEpilogue(spec.epilogue, e.o, Layout::kBlocked, builder, &bound));
  LANEWISE_RETURN_IF_ERROR(ConvOutput(spec.epilogue, step, builder, &y));
  // Residues beyond the extent have no outputs; there can be billions of them.
  for (int64_t row = 0; row < std::min(spec.strides.h, ys[2]); ++row) {
    for (int64_t col = 0; col < std::min(spec.strides.w, ys[3]); ++col) {
      const Phase phase{MakePhaseAxis(row, ys[2], ws[2], spec.strides.h, spec.dilations.h, spec.pads.top),
                        MakePhaseAxis(col, ys[3], ws[3], spec.strides.w, spec.dilations.w, spec.pads.left), row, col};
      if (phase.rows.outputs == 0 || phase.cols.outputs == 0) continue;
      LANEWISE_RETURN_IF_ERROR(BuildPhase(spec, e, phase, x, y, bound, step, builder));
    }
  }
  return Status::Ok();
}

}  // namespace lanewise
