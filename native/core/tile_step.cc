#include "core/tile_step.h"

#include <algorithm>
#include <array>
#include <limits>

#include "cpu/features.h"

namespace lanewise {
namespace {

int MaxPixels(const KernelTable& kernels, int vectors) {
  int m = kMaxTilePixels;
  while (m > 0 && kernels.tile[vectors - 1][m - 1] == nullptr) --m;
  return m;
}

// Cycles of one tile on a core with two multiply-add ports. Per element of depth: the products, or the loads, of which
// about 1.5 a cycle were seen beside products, or the latency of a chain; and for every vector of weights its way from
// the second cache, which is why tall tiles beat wide ones, or half as much where it is near. Once per tile: the stores
// and the start.
double TileCost(int64_t pixels, int64_t vectors, int64_t depth, bool weights_near) {
  const auto m = static_cast<double>(pixels), n = static_cast<double>(vectors);
  const double step = std::max({m * n / 2, (m + n) / 1.5, 4.}) + (weights_near ? n / 2 : n);
  return step * static_cast<double>(depth) + 2 * m * n + 30;
}

const TileKernel* KernelsFor(const Segment& segment, const KernelTable& kernels) {
  const int n = segment.vectors - 1;
  const auto& half = DetectedFeatures().avx512_in_halves ? kernels.lower_tile : kernels.paired_tile;
  const bool lower = segment.count - n * kernels.lanes <= kernels.lanes / 2;
  return lower && half[n][0] != nullptr ? half[n] : kernels.tile[n];
}

// Items per thread that make shares nearly equal, and the fewest tiles of a strip that is cut for that: it goes through
// all weights again.
constexpr int64_t kItemsPerThread = 4, kFewestTiles = 2;

// Floats of the next weights that a kernel asks for per element of depth: a line for every two.
constexpr int64_t kPrefetchedPerStep = 8;

// Up to this depth a tile that has no weights to ask for asks for where the next ones are stored: sums that short are
// over before a line has come from the second cache. Longer ones would ask for more than the first cache holds.
constexpr int64_t kShortDepth = 100;

}  // namespace

bool PrefetchesNear() { return Caches().l1_bytes >= 48 << 10; }

TileChoice ChooseTile(const KernelTable& kernels, int64_t cols, int64_t channels, int64_t depth, bool at_once) {
  const int64_t blocks = (channels + kernels.lanes - 1) / kernels.lanes;
  TileChoice best;
  double best_cost = std::numeric_limits<double>::infinity();
  for (int vectors = 1; vectors <= kMaxTileVectors; ++vectors) {
    const int max_pixels = MaxPixels(kernels, vectors);
    if (max_pixels == 0 || vectors > std::max<int64_t>(blocks, 1)) continue;
    const int64_t tiles = std::max<int64_t>(1, (cols + max_pixels - 1) / max_pixels);
    const int64_t small = cols / tiles, large_count = cols % tiles;
    const auto row_cost = [&](int64_t n) {
      // The other half is for pixels and for the weights that are asked for.
      const auto weight_bytes = static_cast<size_t>(depth * n * kernels.lanes) * sizeof(float);
      const bool stay = at_once && weight_bytes <= Caches().l1_bytes / 2;
      const auto cost = [&](int64_t pixels, bool first) { return TileCost(pixels, n, depth, stay && !first); };
      const int64_t largest = small + (large_count > 0 ? 1 : 0);
      return cost(largest, true) + static_cast<double>(large_count) * cost(small + 1, false) +
             static_cast<double>(tiles - large_count) * cost(small, false) - cost(largest, false);
    };
    double cost = static_cast<double>(blocks / vectors) * row_cost(vectors);
    if (blocks % vectors != 0) cost += row_cost(blocks % vectors);
    if (cost < best_cost) {
      best_cost = cost;
      best = {vectors, tiles, cost};
    }
  }
  return best;
}

PixelGrid GridOf(const Tensor& t) { return {t.id, 0, t.image_stride, t.block_stride, t.row_stride, t.pixel_stride}; }

namespace {

bool IsOneRow(const TileGeometry& g, const PixelGrid& grid) {
  return grid.tensor == kNone || grid.row_stride == grid.pixel_stride * g.cols;
}

bool IsOneRowButY(const TileGeometry& g) {
  return g.rows > 1 && IsOneRow(g, g.x) && IsOneRow(g, g.residual) && IsOneRow(g, g.gate);
}

void Merge(TileGeometry* g) {
  g->cols *= g->rows;
  g->x_row_elements *= g->rows;
  g->rows = 1;
}

}  // namespace

void MergeRows(TileGeometry* g) {
  if (IsOneRowButY(*g) && IsOneRow(*g, g->y)) Merge(g);
}

TileChoice ChooseRows(const KernelTable& kernels, int64_t channels, bool whole_vectors, TileGeometry* g) {
  // Of a vector that is moved: a load and a store of the first cache.
  constexpr double kMoveCycles = 3;
  MergeRows(g);
  const TileChoice choice = ChooseTile(kernels, g->cols, channels, g->depth);
  if (!whole_vectors || !IsOneRowButY(*g)) return choice;
  const int64_t pixels = g->cols * g->rows, blocks = (channels + g->lanes - 1) / g->lanes;
  const TileChoice merged = ChooseTile(kernels, pixels, channels, g->depth);
  if (merged.cycles + kMoveCycles * static_cast<double>(pixels * blocks) >=
      choice.cycles * static_cast<double>(g->rows))
    return choice;
  g->y_cols = g->cols;
  Merge(g);
  return merged;
}

TileStep::TileStep(const KernelTable& kernels, TileGeometry geometry, TileChoice choice,
                   std::shared_ptr<Buffer> weights, std::shared_ptr<Buffer> bias, Epilogue epilogue,
                   std::vector<std::shared_ptr<Buffer>> keep)
    : kernels_(kernels),
      g_(std::move(geometry)),
      choice_(choice),
      weights_(std::move(weights)),
      bias_(std::move(bias)),
      epilogue_(epilogue),
      keep_(std::move(keep)) {
  // A strip's input stays in half the L2 cache while all segments of weights stream past it.
  const int64_t total = g_.rows * choice_.tiles;
  const int64_t row_bytes = std::max<int64_t>(1, g_.x_row_elements * static_cast<int64_t>(sizeof(float)));
  const int64_t budget = std::max<int64_t>(1, static_cast<int64_t>(Caches().l2_bytes / 2));
  strip_tiles_ = std::clamp<int64_t>(budget * choice_.tiles / row_bytes, 1, std::max<int64_t>(1, total));
  // Never fewer strips than threads could share, as long as a strip keeps enough tiles to reuse its weights.
  const int64_t shareable = std::max<int64_t>(1, total / 8);
  strip_tiles_ = std::min(strip_tiles_, std::max<int64_t>(8, (total + std::min<int64_t>(8, shareable) - 1) /
                                                                 std::min<int64_t>(8, shareable)));
  if (g_.threads > 1) {
    const auto segments = std::max<int64_t>(1, g_.images * static_cast<int64_t>(g_.segments.size()));
    const int64_t wanted = (kItemsPerThread * g_.threads + segments - 1) / segments;
    strip_tiles_ = std::min(strip_tiles_, std::max(kFewestTiles, total / wanted));
  }
  strips_ = total == 0 ? 0 : (total + strip_tiles_ - 1) / strip_tiles_;
  if (strips_ > 0) strip_tiles_ = (total + strips_ - 1) / strips_;  // of equal size
}

size_t TileStep::items() const {
  if (g_.cols == 0) return 0;
  return static_cast<size_t>(g_.images * strips_) * g_.segments.size();
}

void TileStep::Run(const RunContext& context, size_t begin, size_t end) const {
  const int64_t tiles = g_.rows * choice_.tiles;
  for (size_t item = begin; item < end; ++item) {
    const Segment& segment = g_.segments[item % g_.segments.size()];
    const int64_t strip_and_image = static_cast<int64_t>(item / g_.segments.size());
    const int64_t strip = strip_and_image % strips_;
    RunTiles(context, strip_and_image / strips_, segment, strip * strip_tiles_,
             std::min((strip + 1) * strip_tiles_, tiles));
  }
}

void TileStep::RunRows(const RunContext& context, int64_t image, int64_t begin, int64_t end) const {
  for (const Segment& segment : g_.segments) {
    RunTiles(context, image, segment, begin * choice_.tiles, end * choice_.tiles);
  }
}

void TileStep::ReadAhead(const std::vector<WeightSpan>& spans) {
  ahead_ = spans;
  ahead_size_ = 0;
  for (const WeightSpan& span : spans) ahead_size_ += span.size;
}

int64_t TileStep::ReadsAhead() const {
  if (strips_ == 0) return 0;
  const int64_t last_strip = g_.rows * choice_.tiles - (strips_ - 1) * strip_tiles_;
  int64_t floats = 0;
  for (const Segment& segment : g_.segments) floats += Spare(segment, last_strip);
  return floats;
}

int64_t TileStep::Spare(const Segment& segment, int64_t tiles) const {
  const bool last = &segment == &g_.segments.back();
  const int64_t next = last ? 0 : g_.depth * (&segment + 1)->vectors * g_.lanes;
  return std::max<int64_t>(0, tiles * g_.depth * kPrefetchedPerStep * segment.vectors - next);
}

const float* TileStep::Ahead(int64_t at) const {
  if (at < 0) return nullptr;
  for (const WeightSpan& span : ahead_) {
    if (at < span.size) return span.data + at;
    at -= span.size;
  }
  return nullptr;
}

void TileStep::Scatter(const float* tile, float* y, int64_t pixel, int64_t pixels, int vectors) const {
  const int64_t lanes = g_.lanes, end = pixel + pixels;
  for (int n = 0; n < vectors; ++n, y += g_.y.block_stride) {
    for (int64_t p = pixel; p < end;) {
      const int64_t row = p / g_.y_cols, col = p % g_.y_cols, count = std::min(g_.y_cols - col, end - p);
      const float* from = tile + (n * pixels + p - pixel) * lanes;
      std::copy_n(from, count * lanes, y + row * g_.y.row_stride + col * g_.y.pixel_stride);
      p += count;
    }
  }
}

void TileStep::RunTiles(const RunContext& context, int64_t image, const Segment& segment, int64_t begin,
                        int64_t end) const {
  const int64_t lane = segment.channel % g_.lanes;
  const int64_t block = segment.channel / g_.lanes;
  // Where this segment's channels begin in a grid shaped like y. Channels of a plain row are contiguous too: there the
  // block stride is the number of lanes.
  const auto channel_base = [&](const PixelGrid& grid) -> ptrdiff_t {
    return grid.origin + image * grid.image_stride + block * grid.block_stride + lane;
  };

  TileArgs args{};
  args.x_pixel_stride = g_.x.pixel_stride;
  args.runs = g_.runs.data() + segment.first_run;
  args.run_count = segment.run_count;
  const auto offset = [&](const std::vector<ptrdiff_t>& offsets, ptrdiff_t stride) {
    return offsets.empty() ? image * stride : offsets[static_cast<size_t>(image)];
  };
  const float* weights = weights_grid_.tensor == kNone ? weights_->data() : context.Data(weights_grid_.tensor);
  args.weights = weights + offset(g_.weights_image_offsets, 0) + segment.weights;
  args.bias = bias_->data() + segment.bias;
  args.y_pixel_stride = g_.y.pixel_stride;
  args.y_block_stride = g_.y.block_stride;
  args.last_lanes = static_cast<size_t>(segment.last_lanes);
  args.prefetch_near = PrefetchesNear();
  args.epilogue = epilogue_;
  if (epilogue_.scale != nullptr) {
    args.epilogue.scale += segment.channel;
    args.epilogue.shift += segment.channel;
  }
  if (epilogue_.slope != nullptr) args.epilogue.slope += segment.channel;

  const float* x = context.Data(g_.x.tensor) + g_.x.origin + offset(g_.x_image_offsets, g_.x.image_stride);
  std::array<lanewise::Run, kMaxScatteredRuns> scattered;
  if (!g_.run_sources.empty()) {
    for (size_t i = 0; i < segment.run_count; ++i) {
      const TileGeometry::RunSource& source = g_.run_sources[segment.first_run + i];
      const float* from = context.Data(source.tensor) + image * source.image_stride;
      scattered[i] = {from + args.runs[i].offset - x, args.runs[i].count};
    }
    args.runs = scattered.data();
  }
  float* y = context.Data(g_.y.tensor) + channel_base(g_.y);
  const float* residual =
      g_.residual.tensor == kNone ? nullptr : context.Data(g_.residual.tensor) + channel_base(g_.residual);
  const float* gate = g_.gate.tensor == kNone ? nullptr : context.Data(g_.gate.tensor) + channel_base(g_.gate);
  args.epilogue.residual_pixel_stride = g_.residual.pixel_stride;
  args.epilogue.residual_block_stride = g_.residual.block_stride;
  args.epilogue.gate_pixel_stride = g_.gate.pixel_stride;
  args.epilogue.gate_block_stride = g_.gate.block_stride;

  const int64_t small = g_.cols / choice_.tiles, large_count = g_.cols % choice_.tiles;
  const TileKernel* kernels = KernelsFor(segment, kernels_);
  // While this segment's tiles compute, the next segment's weights come in from memory: each tile asks for the part
  // that follows its predecessor's.
  const Segment* next = &segment + 1 < g_.segments.data() + g_.segments.size() ? &segment + 1 : nullptr;
  const float* soon = next == nullptr ? nullptr : args.weights + (next->weights - segment.weights);
  const float* soon_end = soon == nullptr ? nullptr : soon + g_.depth * next->vectors * g_.lanes;
  // The last tiles of all ask for more than that: each segment's share of what the next steps read, such that the last
  // segments are at the end of it.
  const int64_t per_tile = g_.depth * kPrefetchedPerStep * segment.vectors;
  const bool last = image + 1 == g_.images && end == g_.rows * choice_.tiles && !ahead_.empty();
  const int64_t share = last ? Spare(segment, end - begin) : 0;
  const bool scatters = g_.y_cols > 0;
  alignas(kAlignment) float tile_of_y[kMaxTilePixels * kMaxTileVectors * kMaxLanes];
  if (scatters) {
    args.y = tile_of_y;
    args.y_pixel_stride = g_.lanes;
  }
  int64_t ahead = ahead_size_ - (&g_.segments.back() + 1 - &segment) * share;
  const int64_t ahead_end = ahead + share;
  for (int64_t t = begin; t < end; ++t) {
    args.prefetch = nullptr;
    if (soon < soon_end) {
      args.prefetch = soon;
      soon += per_tile;
    } else if (ahead < ahead_end) {
      args.prefetch = Ahead(ahead);
      ahead += per_tile;
    }
    const int64_t row = t / choice_.tiles, tile = t % choice_.tiles;
    const int64_t col = tile * small + std::min(tile, large_count);
    const int64_t pixels = small + (tile < large_count ? 1 : 0);
    args.x = x + row * g_.x.row_stride + col * g_.x.pixel_stride;
    if (scatters) {
      args.y_block_stride = pixels * g_.lanes;
    } else {
      args.y = y + row * g_.y.row_stride + col * g_.y.pixel_stride;
    }
    if (residual != nullptr) {
      args.epilogue.residual = residual + row * g_.residual.row_stride + col * g_.residual.pixel_stride;
    }
    if (gate != nullptr) args.epilogue.gate = gate + row * g_.gate.row_stride + col * g_.gate.pixel_stride;
    if (args.prefetch == nullptr) {
      // Of one vector, as far as the sum is short: the other one's turn comes with the tile after the next.
      const bool other = segment.vectors > 1 && t % 2 == 1;
      const float* next_pixels = args.y + pixels * args.y_pixel_stride + (other ? args.y_block_stride : 0);
      args.prefetch = g_.depth <= kShortDepth ? next_pixels : args.weights;
    }
    kernels[pixels - 1](args);
    if (scatters) Scatter(tile_of_y, y, col, pixels, segment.vectors);
  }
}

}  // namespace lanewise
