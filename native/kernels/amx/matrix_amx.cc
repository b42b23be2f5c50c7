// Products of float32 in bfloat16 parts on AMX tiles; kernels/matrix.h has the arithmetic. Over 400 lines: splitting,
// products and epilogue take turns, portion by portion.
//
// Eight tile registers of 16 rows of 64 bytes: four hold sums, two hold pixels, two hold weights. A step multiplies six
// pairs of parts; they are ordered so that each shares an operand with the one before, which stays loaded.
//
// Over 400 lines: products, epilogue and splitting run interleaved, and are read together.
#include "kernels/table.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512F__)
#include "kernels/vec_avx512.h"
//
#include "kernels/shared/activation.h"

namespace {

using lanewise::Act;
using lanewise::Epilogue;
using lanewise::kMatrixPixels;
using lanewise::kMatrixTile;
using lanewise::kPairs;
using lanewise::kParts;
using lanewise::MatrixConvArgs;
using lanewise::SplitArgs;
using lanewise::SplitWeightsArgs;

constexpr long kRowBytes = 64;

// What ldtilecfg reads: eight tiles of 16 rows of 64 bytes.
struct TileConfig {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};
alignas(64) const TileConfig kTiles = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

// The compiler knows of the tile instructions' memory only here.
inline void begin_tiles() {
  __asm__ volatile("" ::: "memory");
  _tile_loadconfig(&kTiles);
}
inline void end_tiles() { _tile_release(); }

// ---- splitting

// The pairs of the three parts of two vectors. Parts are cut off, not rounded: eight significant bits each, so that the
// third is exact.
inline void split_pair(__m512 x0, __m512 x1, float* parts, ptrdiff_t part_stride) {
  const __m512i top = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
#pragma GCC unroll 3
  for (int p = 0; p < kParts; ++p) {
    const __m512i low = _mm512_srli_epi32(_mm512_castps_si512(x0), 16);
    const __m512i high = _mm512_and_si512(_mm512_castps_si512(x1), top);
    _mm512_storeu_si512(parts, _mm512_or_si512(low, high));
    if (p == kParts - 1) break;
    x0 = _mm512_sub_ps(x0, _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(x0), top)));
    x1 = _mm512_sub_ps(x1, _mm512_castsi512_ps(high));
    parts += part_stride;
  }
}

void split(const SplitArgs& args) {
  const __mmask16 mask0 = tail_mask(args.lanes0);
  const __mmask16 mask1 = args.x1 == nullptr ? static_cast<__mmask16>(0) : tail_mask(args.lanes1);
  const float* x0 = args.x0;
  const float* x1 = args.x1 == nullptr ? args.x0 : args.x1;
  float* parts = args.parts;
  for (size_t i = 0; i < args.pixels; ++i) {
    split_pair(_mm512_maskz_loadu_ps(mask0, x0), _mm512_maskz_loadu_ps(mask1, x1), parts, args.part_stride);
    x0 += args.pixel_stride;
    x1 += args.pixel_stride;
    parts += kPairs;
  }
}

// ---- multiplying

inline void clear_sums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

// Pixels in tiles 4 and 5, 16 each; weights of two vectors in 6 and 7.
#define LANEWISE_PIXELS(part)                        \
  _tile_loadd(4, x + (part)*part_stride, kRowBytes); \
  _tile_loadd(5, x + (part)*part_stride + kMatrixTile, kRowBytes)
#define LANEWISE_WEIGHTS(part)                           \
  _tile_loadd(6, w + (part)*2 * kMatrixTile, kRowBytes); \
  _tile_loadd(7, w + ((part)*2 + 1) * kMatrixTile, kRowBytes)
#define LANEWISE_MULTIPLY() \
  _tile_dpbf16ps(0, 4, 6);  \
  _tile_dpbf16ps(1, 4, 7);  \
  _tile_dpbf16ps(2, 5, 6);  \
  _tile_dpbf16ps(3, 5, 7)

// 32 pixels x 2 vectors. `aside` is called twice on the way, for work of the vector units beside that of the matrix
// unit.
template <class Aside>
inline void step_of_two(const float* x, ptrdiff_t part_stride, const float* w, Aside& aside) {
  LANEWISE_PIXELS(2);
  LANEWISE_WEIGHTS(0);
  LANEWISE_MULTIPLY();
  LANEWISE_PIXELS(1);
  LANEWISE_MULTIPLY();
  aside.portion();
  LANEWISE_WEIGHTS(1);
  LANEWISE_MULTIPLY();
  LANEWISE_PIXELS(0);
  LANEWISE_MULTIPLY();
  aside.portion();
  LANEWISE_WEIGHTS(2);
  LANEWISE_MULTIPLY();
  LANEWISE_WEIGHTS(0);
  LANEWISE_MULTIPLY();
}
#undef LANEWISE_PIXELS
#undef LANEWISE_WEIGHTS
#undef LANEWISE_MULTIPLY

// Four tiles of pixels pass through 4 and 5; one vector's weights in 6 or 7.
#define LANEWISE_MULTIPLY(part, weights)                               \
  _tile_loadd(4, x + (part)*part_stride, kRowBytes);                   \
  _tile_dpbf16ps(0, 4, weights);                                       \
  _tile_loadd(5, x + (part)*part_stride + kMatrixTile, kRowBytes);     \
  _tile_dpbf16ps(1, 5, weights);                                       \
  _tile_loadd(4, x + (part)*part_stride + 2 * kMatrixTile, kRowBytes); \
  _tile_dpbf16ps(2, 4, weights);                                       \
  _tile_loadd(5, x + (part)*part_stride + 3 * kMatrixTile, kRowBytes); \
  _tile_dpbf16ps(3, 5, weights)

// 64 pixels x 1 vector.
template <class Aside>
inline void step_of_one(const float* x, ptrdiff_t part_stride, const float* w, Aside& aside) {
  _tile_loadd(6, w, kRowBytes);
  LANEWISE_MULTIPLY(2, 6);
  LANEWISE_MULTIPLY(1, 6);
  aside.portion();
  LANEWISE_MULTIPLY(0, 6);
  _tile_loadd(7, w + kMatrixTile, kRowBytes);
  LANEWISE_MULTIPLY(0, 7);
  aside.portion();
  LANEWISE_MULTIPLY(1, 7);
  _tile_loadd(6, w + 2 * kMatrixTile, kRowBytes);
  LANEWISE_MULTIPLY(0, 6);
}
#undef LANEWISE_MULTIPLY

constexpr size_t kAsides = 2;  // of a step

template <int NR, class Aside>
inline void step(const float* x, ptrdiff_t part_stride, const float* w, Aside& aside) {
  if constexpr (NR == 2) {
    step_of_two(x, part_stride, w, aside);
  } else {
    step_of_one(x, part_stride, w, aside);
  }
}

// The four tiles of sums: [vector][pixel][kLanes], vectors block_stride apart.
template <int NR>
inline void store_sums(float* y, ptrdiff_t block_stride) {
  if constexpr (NR == 2) {
    _tile_stored(0, y, kRowBytes);
    _tile_stored(1, y + block_stride, kRowBytes);
    _tile_stored(2, y + kMatrixTile, kRowBytes);
    _tile_stored(3, y + block_stride + kMatrixTile, kRowBytes);
  } else {
    _tile_stored(0, y, kRowBytes);
    _tile_stored(1, y + kMatrixTile, kRowBytes);
    _tile_stored(2, y + 2 * kMatrixTile, kRowBytes);
    _tile_stored(3, y + 3 * kMatrixTile, kRowBytes);
  }
}

template <int NR>
inline void load_sums(const float* y, ptrdiff_t block_stride) {
  if constexpr (NR == 2) {
    _tile_loadd(0, y, kRowBytes);
    _tile_loadd(1, y + block_stride, kRowBytes);
    _tile_loadd(2, y + kMatrixTile, kRowBytes);
    _tile_loadd(3, y + block_stride + kMatrixTile, kRowBytes);
  } else {
    _tile_loadd(0, y, kRowBytes);
    _tile_loadd(1, y + kMatrixTile, kRowBytes);
    _tile_loadd(2, y + 2 * kMatrixTile, kRowBytes);
    _tile_loadd(3, y + 3 * kMatrixTile, kRowBytes);
  }
}

// ---- finishing

constexpr size_t kTogether = 8;

inline __mmask16 inside(const MatrixConvArgs& args, size_t pixel, __mmask16 lanes) {
  return static_cast<__mmask16>(args.inside[pixel] & lanes);
}

// The epilogue (shared/epilogue.h has it for other tiles) of kTogether pixels of vector n. Every pixel has its own
// address and mask: rows end anywhere in a tile, and branches on that would be mispredicted, which stops the matrix
// unit as well.
template <Act kAct>
void finish_pixels(const MatrixConvArgs& args, const float* sums, size_t pixel, int n) {
  const Epilogue& e = args.epilogue;
  const bool last = n == args.vectors - 1;
  const __mmask16 lanes = last ? tail_mask(args.last_lanes) : static_cast<__mmask16>(0xffff);
  const Vec alpha = kAct == Act::kPrelu ? load(e.slope + n * kLanes) : splat(e.activation.alpha);
  const Vec beta = splat(e.activation.beta);
  const Vec bias = load(args.bias + n * kLanes);
  Vec v[kTogether];
#pragma GCC unroll 8
  for (size_t m = 0; m < kTogether; ++m) v[m] = add(load(sums + m * kLanes), bias);
  if (e.scale != nullptr) {
    const Vec scale = load(e.scale + n * kLanes), shift = load(e.shift + n * kLanes);
#pragma GCC unroll 8
    for (size_t m = 0; m < kTogether; ++m) v[m] = fma(v[m], scale, shift);
  }
  const float* residual = e.residual == nullptr ? nullptr : e.residual + n * e.residual_block_stride;
  if (e.residual != nullptr && !e.add_after_activation) {
#pragma GCC unroll 8
    for (size_t m = 0; m < kTogether; ++m) {
      const float* r = residual + args.residual_offsets[pixel + m];
      v[m].v = _mm512_add_ps(v[m].v, _mm512_maskz_loadu_ps(inside(args, pixel + m, lanes), r));
    }
  }
#pragma GCC unroll 8
  for (size_t m = 0; m < kTogether; ++m) v[m] = activate(kAct, v[m], alpha, beta);
  if (e.residual != nullptr && e.add_after_activation) {
#pragma GCC unroll 8
    for (size_t m = 0; m < kTogether; ++m) {
      const float* r = residual + args.residual_offsets[pixel + m];
      v[m].v = _mm512_add_ps(v[m].v, _mm512_maskz_loadu_ps(inside(args, pixel + m, lanes), r));
    }
  }
  if (e.gate != nullptr) {
    const float* gate = e.gate + n * e.gate_block_stride;
#pragma GCC unroll 8
    for (size_t m = 0; m < kTogether; ++m) {
      const float* g = gate + args.gate_offsets[pixel + m];
      v[m].v = _mm512_mul_ps(v[m].v, _mm512_maskz_loadu_ps(inside(args, pixel + m, lanes), g));
    }
  }
  float* y = args.y + n * args.y_block_stride;
#pragma GCC unroll 8
  for (size_t m = 0; m < kTogether; ++m) {
    _mm512_mask_storeu_ps(y + args.y_offsets[pixel + m], inside(args, pixel + m, lanes), v[m].v);
  }
}

using FinishPixels = void (*)(const MatrixConvArgs&, const float*, size_t, int);

FinishPixels finish_for(Act kind) {
  switch (kind) {
    case Act::kNone: return finish_pixels<Act::kNone>;
    case Act::kRelu: return finish_pixels<Act::kRelu>;
    case Act::kClip: return finish_pixels<Act::kClip>;
    case Act::kLeakyRelu: return finish_pixels<Act::kLeakyRelu>;
    case Act::kPrelu: return finish_pixels<Act::kPrelu>;
    case Act::kHardSigmoid: return finish_pixels<Act::kHardSigmoid>;
    case Act::kHardSwish: return finish_pixels<Act::kHardSwish>;
    case Act::kSigmoid: return finish_pixels<Act::kSigmoid>;
    case Act::kSilu: return finish_pixels<Act::kSilu>;
    case Act::kTanh: return finish_pixels<Act::kTanh>;
    case Act::kGelu: return finish_pixels<Act::kGelu>;
    case Act::kGeluTanh: return finish_pixels<Act::kGeluTanh>;
    case Act::kScaledSilu: return finish_pixels<Act::kScaledSilu>;
  }
  return nullptr;
}

// The epilogue of a group of sums in small portions, so that the vector units do it while the matrix unit works on the
// next group: a window of instructions holds about half a step, so work in one piece would not overlap.
template <int NR>
class Finisher {
 public:
  // `portions`: of what is done at a time, in a group.
  Finisher(const MatrixConvArgs& args, size_t portions)
      : args_(args),
        finish_(finish_for(args.epilogue.activation.kind)),
        portion_((kPixels / kTogether + portions - 1) / portions) {}

  float* sums() { return sums_; }
  void begin_group() { done_ = 0; }
  void portion() {
    for (size_t i = 0; i < portion_ && done_ < kPixels; ++i) some();
  }
  void rest() {
    while (done_ < kPixels) some();
  }

 private:
  static constexpr size_t kPixels = static_cast<size_t>(kMatrixPixels[NR - 1]);

  void some() {
#pragma GCC unroll 2
    for (int n = 0; n < NR; ++n) {
      finish_(args_, sums_ + (static_cast<size_t>(n) * kPixels + done_) * kLanes, pixel_, n);
    }
    done_ += kTogether;
    pixel_ += kTogether;
  }

  alignas(64) float sums_[NR * kPixels * kLanes];
  const MatrixConvArgs& args_;
  FinishPixels finish_;
  size_t portion_;
  size_t done_ = kPixels, pixel_ = 0;  // of the group, of all
};

// Splits the weights that are wanted next, a few rows of a tile at a time.
class WeightSplitter {
 public:
  // Spread evenly over `calls` calls; null weights: nothing to do.
  WeightSplitter(const SplitWeightsArgs& args, size_t calls)
      : weights_(args.weights),
        parts_(args.parts),
        part_stride_(args.vectors * kMatrixTile),
        quads_of_step_(static_cast<size_t>(args.vectors) * (kPairs / kQuad)),
        all_(args.weights == nullptr ? 0 : args.steps * quads_of_step_),
        left_(all_),
        calls_(calls) {}

  void portion() {
    for (credit_ += all_; credit_ >= calls_; credit_ -= calls_) quad();
  }
  void rest() {
    while (left_ > 0) quad();
  }

 private:
  static constexpr int kQuad = 4;  // rows at a time

  void quad() {
    if (left_ == 0) return;
    --left_;
#pragma GCC unroll 4
    for (int i = 0; i < kQuad; ++i) {
      split_pair(_mm512_load_ps(weights_), _mm512_load_ps(weights_ + kPairs), parts_, part_stride_);
      weights_ += 2 * kPairs;
      parts_ += kPairs;
    }
    // Tiles of the same part lie side by side, a vector each; then come the other parts.
    if (++quad_ == quads_of_step_) {
      quad_ = 0;
      parts_ += (kParts - 1) * part_stride_;
    }
  }

  const float* weights_;
  float* parts_;
  ptrdiff_t part_stride_;
  size_t quads_of_step_, all_, left_, calls_;
  size_t credit_ = 0, quad_ = 0;
};

void split_weights(const SplitWeightsArgs& args) { WeightSplitter(args, 1).rest(); }

template <class First, class Second>
struct Both {
  First& first;
  Second& second;
  void portion() {
    first.portion();
    second.portion();
  }
};

template <int NR>
void matrix_conv(const MatrixConvArgs& args) {
  constexpr size_t kPixels = static_cast<size_t>(kMatrixPixels[NR - 1]);
  constexpr ptrdiff_t kStepWeights = kParts * NR * kMatrixTile;
  constexpr ptrdiff_t kVectorSums = static_cast<ptrdiff_t>(kPixels) * kLanes;
  const size_t groups = (args.pixels + kPixels - 1) / kPixels;
  Finisher<NR> finisher(args, kAsides * args.steps);
  WeightSplitter splitter(args.next, kAsides * args.steps * groups);
  Both<Finisher<NR>, WeightSplitter> aside{finisher, splitter};
  begin_tiles();
  const float* x = args.x;
  float* sums = args.sums;
  for (size_t group = 0; group < groups; ++group) {
    if (args.resume) {
      load_sums<NR>(sums, kVectorSums);
    } else {
      clear_sums();
    }
    const float* w = args.weights;
    for (size_t s = 0; s < args.steps; ++s) {
      step<NR>(x + args.offsets[s], args.part_stride, w, aside);
      w += kStepWeights;
    }
    finisher.rest();
    if (args.suspend) {
      store_sums<NR>(sums, kVectorSums);
    } else {
      store_sums<NR>(finisher.sums(), kVectorSums);
      finisher.begin_group();
    }
    x += kPixels * kPairs;
    sums += NR * kVectorSums;
  }
  finisher.rest();
  splitter.rest();
  end_tiles();
}

}  // namespace

namespace lanewise::amx {

void fill_matrix(MatrixKernels* kernels) {
  kernels->split = split;
  kernels->split_weights = split_weights;
  kernels->conv[0] = matrix_conv<1>;
  kernels->conv[1] = matrix_conv<2>;
}

}  // namespace lanewise::amx
#endif
