// y[c*ldy + r] = x[r*ldx + c]
//
// Tiles of kLanes x kLanes elements pass through registers; edge tiles load and store only what exists. Columns go in
// panels, rows inside a panel first: where a vector is half a cache line, the other half of a line of y is written
// while the line is still in L1. A layout conversion is one panel row (rows <= kLanes, NCHW -> NCHWc) or one panel
// column (cols <= kLanes, NCHWc -> NCHW), so the panels cost it nothing.
#pragma once
#include <stddef.h>

namespace {

// rows <= kLanes, cols <= kLanes. WholeRows/WholeCols: they equal kLanes.
template <bool WholeRows, bool WholeCols>
inline void transpose_edge(const float* x, ptrdiff_t ldx, float* y, ptrdiff_t ldy, size_t rows, size_t cols) {
  Vec tile[kLanes];
#pragma GCC unroll 16
  for (int r = 0; r < kLanes; ++r) {
    if (WholeRows || static_cast<size_t>(r) < rows) {
      tile[r] = WholeCols ? load(x + r * ldx) : load_tail(x + r * ldx, cols);
    } else {
      tile[r] = splat(0.f);
    }
  }
  transpose_tile(tile);
#pragma GCC unroll 16
  for (int c = 0; c < kLanes; ++c) {
    if (WholeCols || static_cast<size_t>(c) < cols) {
      if (WholeRows) {
        store(y + c * ldy, tile[c]);
      } else {
        store_tail(y + c * ldy, tile[c], rows);
      }
    }
  }
}

inline void transpose_copy(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(y + i, load(x + i));
  if (i < n) store_tail(y + i, load_tail(x + i, n - i), n - i);
}

inline void transpose(const float* x, ptrdiff_t ldx, float* y, ptrdiff_t ldy, size_t rows, size_t cols) {
  constexpr size_t kTile = kLanes;
  constexpr size_t kPanel = 8 * kTile;
  if (rows == 1 && ldy == 1) return transpose_copy(x, y, cols);
  if (cols == 1 && ldx == 1) return transpose_copy(x, y, rows);
  for (size_t c0 = 0; c0 < cols; c0 += kPanel) {
    const size_t c1 = cols - c0 < kPanel ? cols : c0 + kPanel;
    for (size_t r = 0; r < rows; r += kTile) {
      const size_t live_rows = rows - r;
      const float* row = x + static_cast<ptrdiff_t>(r) * ldx;
      float* out = y + r;
      size_t c = c0;
      if (live_rows >= kTile) {
        for (; c + kTile <= c1; c += kTile) {
          transpose_edge<true, true>(row + c, ldx, out + static_cast<ptrdiff_t>(c) * ldy, ldy, kTile, kTile);
        }
        if (c < c1)
          transpose_edge<true, false>(row + c, ldx, out + static_cast<ptrdiff_t>(c) * ldy, ldy, kTile, c1 - c);
      } else {
        for (; c + kTile <= c1; c += kTile) {
          transpose_edge<false, true>(row + c, ldx, out + static_cast<ptrdiff_t>(c) * ldy, ldy, live_rows, kTile);
        }
        if (c < c1) {
          transpose_edge<false, false>(row + c, ldx, out + static_cast<ptrdiff_t>(c) * ldy, ldy, live_rows, c1 - c);
        }
      }
    }
  }
}

}  // namespace
