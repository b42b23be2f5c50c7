// Matrix products: the rows of `a` are pixels, its columns channels. A constant `b` is packed once, any other on every
// run.
#include <string>

#include "core/build.h"
#include "core/conv.h"
#include "core/pack.h"

namespace lanewise {
namespace {

// For each matrix of the broadcast batch, the index of the matrix it reads in an operand with these leading extents.
std::vector<int64_t> BatchIndices(const Shape& lead, const Shape& operand) {
  int64_t count = 1;
  for (int64_t d : lead) count *= d;
  std::vector<int64_t> indices(static_cast<size_t>(count), 0);
  for (int64_t image = 0; image < count; ++image) {
    int64_t rest = image, stride = 1, index = 0;
    for (size_t i = 0; i < lead.size(); ++i) {
      const int64_t coordinate = rest % lead[lead.size() - 1 - i];
      rest /= lead[lead.size() - 1 - i];
      if (i < operand.size()) {
        const int64_t extent = operand[operand.size() - 1 - i];
        if (extent != 1) index += coordinate * stride;
        stride *= extent;
      }
    }
    indices[static_cast<size_t>(image)] = index;
  }
  return indices;
}

std::vector<ptrdiff_t> Scaled(std::vector<int64_t> indices, int64_t stride) {
  for (int64_t& i : indices) i *= stride;
  return {indices.begin(), indices.end()};
}

bool Broadcasts(const Shape& shape, const Shape& full) {
  if (shape.size() > full.size()) return false;
  const size_t skipped = full.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1 && shape[i] != full[skipped + i]) return false;
  return true;
}

}  // namespace

Status Build(const MatmulSpec& spec, const StepSpec& step, PlanBuilder& builder) {
  const Shape& as = builder.shape(step.inputs[0]);
  const Shape& bs = builder.shape(step.inputs[1]);
  const Shape& ys = builder.shape(step.outputs[0]);
  if (as.size() < 2 || bs.size() < 2 || ys.size() < 2) {
    return Status::Invalid(builder.Where() + ": expected operands of rank 2 or more");
  }
  int64_t m = as[as.size() - 2];
  const int64_t k = as.back();
  const int64_t n = spec.transpose_b ? bs[bs.size() - 2] : bs.back();
  const int64_t bk = spec.transpose_b ? bs.back() : bs[bs.size() - 2];
  if (bk != k) {
    return Status::Invalid(builder.Where() + ": inner extents do not agree, " + std::to_string(k) + " and " +
                           std::to_string(bk));
  }
  const Shape a_lead(as.begin(), as.end() - 2), b_lead(bs.begin(), bs.end() - 2), lead(ys.begin(), ys.end() - 2);
  if (ys[ys.size() - 2] != m || ys.back() != n || !Broadcasts(a_lead, lead) || !Broadcasts(b_lead, lead)) {
    return Status::Invalid(builder.Where() + ": the output has not the shape of the product");
  }
  const int64_t b_count = ElementCount(b_lead);
  int64_t images = ElementCount(lead);

  Tensor a, y;
  LANEWISE_RETURN_IF_ERROR(builder.In(step.inputs[0], Layout::kPlain, &a));
  BoundEpilogue bound;
  LANEWISE_RETURN_IF_ERROR(BindEpilogue(spec.epilogue, n, Layout::kPlain, builder, &bound));
  LANEWISE_RETURN_IF_ERROR(builder.Out(step.outputs[0], Layout::kPlain, &y));

  TileGeometry g;
  g.lanes = builder.lanes();
  if (b_count == 1 && ElementCount(a_lead) == images) {  // one b: all rows of all matrices are one long matrix
    m *= images;
    images = 1;
  } else {
    g.x_image_offsets = Scaled(BatchIndices(lead, a_lead), m * k);
  }
  g.images = images;
  g.cols = m;
  g.x = {a.id, 0, 0, 0, 0, k};
  const PixelGrid rows{y.id, 0, m * n, g.lanes, 0, n};
  g.y = rows;
  for (PixelGrid* grid : {&bound.residual, &bound.gate}) {
    if (grid->tensor == kNone) continue;
    const int id = grid->tensor;
    *grid = rows;
    grid->tensor = id;
  }
  g.residual = bound.residual;
  g.gate = bound.gate;
  g.depth = k;
  g.x_row_elements = m * k;
  g.runs.push_back({0, static_cast<size_t>(k)});

  const TileChoice choice = ChooseTile(builder.kernels(), m, n, k);
  SegmentPlan cut = CutSegments(n, 1, k, k, choice.vectors, g.lanes, /*padded_output=*/false);
  for (Segment& s : cut.segments) s.run_count = 1;
  g.segments = cut.segments;

  // Matrices [n][k] are the filters of a pointwise convolution, one matrix after the other.
  const auto packer = [&]() -> Packer {
    if (!spec.transpose_b) return PackMatrices(cut.segments, b_count, k, n, g.lanes, cut.weights_size);
    std::vector<Segment> segments;
    for (int64_t i = 0; i < b_count; ++i) {
      for (Segment s : cut.segments) {
        s.channel += i * n;
        s.weights += static_cast<size_t>(i) * cut.weights_size;
        segments.push_back(s);
      }
    }
    return PackFilters(std::move(segments), {k, 1, 1, false}, g.lanes, builder.kernels().transpose);
  };
  const std::string form = "matmul " + std::to_string(g.lanes) + "x" + std::to_string(choice.vectors) +
                           (spec.transpose_b ? " transposed" : "");
  PackedWeights weights;
  LANEWISE_RETURN_IF_ERROR(PackWeights(step.inputs[1], spec.epilogue, form,
                                       cut.weights_size * static_cast<size_t>(b_count), packer(), builder, &weights));
  if (b_count > 1) g.weights_image_offsets = Scaled(BatchIndices(lead, b_lead), static_cast<int64_t>(cut.weights_size));
  std::shared_ptr<Buffer> bias;
  LANEWISE_RETURN_IF_ERROR(PackConvBias(spec.epilogue, form, cut.bias_size, PackBias(cut.segments), builder, &bias));

  StepInfo info;
  info.kernel = "tile " + std::to_string((m + choice.tiles - 1) / choice.tiles) + "x" + std::to_string(choice.vectors);
  info.macs = images * m * n * k;
  info.bytes = 4 * (ElementCount(as) + ElementCount(bs) + ElementCount(ys)) + bound.bytes;
  g.threads = builder.options().threads;
  auto tile = std::make_unique<TileStep>(builder.kernels(), std::move(g), choice, weights.weights, bias, bound.epilogue,
                                         bound.keep);
  tile->ReadWeightsFrom(weights.grid);
  builder.Add(std::move(tile), info);
  return Status::Ok();
}

}  // namespace lanewise
