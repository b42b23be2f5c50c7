// The algebra behind shared/winograd.h, from its points: what the transforms do to weights, and to rounding errors.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/contract.h"

namespace lanewise::test {

inline constexpr WinogradTile kWinogradTileList[] = {{2, 1}, {4, 1}, {2, 2}, {4, 2}};
static_assert(sizeof kWinogradTileList / sizeof kWinogradTileList[0] == kWinogradTiles);

// Besides infinity, which is the last of an axis.
inline std::vector<double> FinitePoints(WinogradTile tile) {
  const double r = std::sqrt(2.);
  if (tile.stride == 1)
    return tile.m == 2 ? std::vector<double>{0, 1, -1} : std::vector<double>{0, 1 / r, -1 / r, r, -r};
  return tile.m == 2 ? std::vector<double>{0, 1} : std::vector<double>{0.5, -0.5, 1.25, -1.25};
}

// G, row by row: the powers of a point over the product of its differences to the others. Stride 2 gives the powers to
// taps 0 and 2, and has a last row for tap 1.
using FilterRow = std::array<double, 3>;
inline std::vector<FilterRow> FilterTransform(WinogradTile tile, const std::vector<double>& points) {
  std::vector<FilterRow> g;
  for (size_t f = 0; f < points.size(); ++f) {
    double product = 1;
    for (size_t other = 0; other < points.size(); ++other) {
      if (other != f) product *= points[f] - points[other];
    }
    FilterRow row{};
    for (int tap = 0; tap < 3; tap += tile.stride) {
      row[static_cast<size_t>(tap)] = std::pow(points[f], tap / tile.stride) / product;
    }
    g.push_back(row);
  }
  g.push_back({0, 0, 1});
  if (tile.stride == 2) g.push_back({0, 1, 0});
  return g;
}

// A of ErrorBound in self_check.cc.
inline double Amplification(WinogradTile tile, const std::vector<double>& points) {
  const std::vector<FilterRow> g = FilterTransform(tile, points);
  const auto squares = [](const auto& row) {
    double sum = 0;
    for (const double x : row) sum += x * x;
    return sum;
  };
  // Row f of B^T: the coefficients of the product of (x - p) over the other points.
  const auto transformed = [&](size_t f) {
    std::vector<double> polynomial = {1};
    for (size_t other = 0; other < points.size(); ++other) {
      if (other == f) continue;
      polynomial.push_back(0);
      for (size_t k = polynomial.size() - 1; k > 0; --k) {
        polynomial[k] = polynomial[k - 1] - points[other] * polynomial[k];
      }
      polynomial[0] *= -points[other];
    }
    return squares(polynomial) * squares(g[f]);
  };
  // Of an output of one axis; the largest of both axes is its square.
  double worst = 0;
  for (int k = 0; k < tile.m; ++k) {
    double sum = tile.stride == 2 ? 1 : 0;
    for (size_t f = 0; f < points.size(); ++f) sum += std::pow(points[f], 2 * k) * transformed(f);
    if (k == tile.m - 1) sum += transformed(points.size());
    worst = std::max(worst, sum);
  }
  return worst;
}
inline double Amplification(WinogradTile tile) { return Amplification(tile, FinitePoints(tile)); }

// Of a tile that is narrow along both axes. Along one, it is between this and that of a full tile.
inline double NarrowAmplification() {
  const std::vector<double> points = FinitePoints({4, 1});
  return Amplification({NarrowWinograd::kOutputs, 1}, {points.begin(), points.begin() + 3});
}

}  // namespace lanewise::test
