// How Winograd's convolution divides an image into tiles, and their order.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/contract.h"

namespace lanewise {

// Tiles along an axis; a narrow one (kernels/winograd.h) ends it where one or two outputs are left.
struct WinogradAxis {
  int64_t full, narrow = 0;
  WinogradAxis(WinogradTile tile, int64_t outputs) : full((outputs + tile.m - 1) / tile.m) {
    const int64_t left = outputs % tile.m;
    if (tile.narrows() && left > 0 && left <= NarrowWinograd::kOutputs) full -= 1, narrow = 1;
  }
  int64_t tiles() const { return full + narrow; }
  int64_t frequencies(WinogradTile tile) const { return full * tile.n() + narrow * NarrowWinograd::kSamples; }
};

// The tiles of an image. First those of narrow rows, then the full ones, then those of narrow columns, last the corner:
// so the tiles that have a frequency are neighbours, whichever it is.
class WinogradShape : public WinogradTile {
 public:
  WinogradShape(WinogradTile tile, int64_t oh, int64_t ow) : WinogradTile(tile), rows_(tile, oh), cols_(tile, ow) {
    int64_t begin = 0;
    const auto part = [&](int kernel, int64_t row, int64_t rows, int64_t col, int64_t cols) {
      const Part p{kernel, row, col, cols, begin, begin + rows * cols};
      begin = p.end;
      return p;
    };
    parts_[kBottom] = part(index(true, false), rows_.full, rows_.narrow, 0, cols_.full);
    parts_[kFull] = part(index(), 0, rows_.full, 0, cols_.full);
    parts_[kRight] = part(index(false, true), 0, rows_.full, cols_.full, cols_.narrow);
    parts_[kCorner] = part(index(true, true), rows_.full, rows_.narrow, cols_.full, cols_.narrow);
  }

  int64_t tiles() const { return rows_.tiles() * cols_.tiles(); }
  int64_t step() const { return m * stride; }  // from one input tile to the next
  int weight_panels() const { return panels() * panels(); }
  // Of all tiles, for each pair of channels.
  int64_t products() const { return rows_.frequencies(*this) * cols_.frequencies(*this); }

  // visit(tile, row, col, kernel) for tiles from `first` on: where each is, and its WinogradTile::index().
  template <typename Visit>
  void ForEach(int64_t first, int64_t count, Visit visit) const {
    for (const Part& p : parts_) {
      const int64_t begin = std::max(first, p.begin), end = std::min(first + count, p.end);
      if (begin >= end) continue;
      int64_t row = p.row + (begin - p.begin) / p.cols, col = p.col + (begin - p.begin) % p.cols;
      for (int64_t tile = begin; tile < end; ++tile) {
        visit(tile, row, col, p.kernel);
        if (++col == p.col + p.cols) ++row, col = p.col;
      }
    }
  }

  // Whether narrow tiles have this frequency of their axis, and the tiles that have one of both axes.
  bool InNarrow(int frequency) const { return !narrows() || NarrowWinograd::has(frequency); }
  struct Range {
    int64_t begin, end;
  };
  Range TilesWith(bool in_narrow_rows, bool in_narrow_cols) const {
    const int last = !in_narrow_cols ? kFull : in_narrow_rows ? kCorner : kRight;
    return {parts_[in_narrow_rows ? kBottom : kFull].begin, parts_[last].end};
  }

 private:
  enum { kBottom, kFull, kRight, kCorner, kParts };
  struct Part {
    int kernel;
    int64_t row, col, cols;  // its first tile, and tiles in a row
    int64_t begin, end;
  };

  WinogradAxis rows_, cols_;
  Part parts_[kParts];
};

}  // namespace lanewise
