// The dense microkernel alone: pixels, weights and results stay in the caches, so what is left is the kernel.
//
//   cmake -B build/native -G Ninja -DLANEWISE_BUILD_ADDON=OFF -DLANEWISE_BUILD_BENCH=ON && ninja -C build/native
//   build/native/lanewise_native_bench [ISA]
//
// One row of 1x1 convolution, 256 input channels in blocks, as inside a network. "of peak" compares with multiply-adds
// in registers; "per cycle" corrects for the clock, which falls when a kernel also loads: it is the share of the
// multiply-adds that the cycles had room for. Medians; both probed around every pass.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "core/buffer.h"
#include "core/clock.h"
#include "cpu/dispatch.h"

namespace lanewise {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPasses = 31;
constexpr double kPassMs = 8;
constexpr int64_t kDepth = 256;
constexpr int64_t kPixels = 112;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Rate {
  double gflops, clock;
};

// Calls `body`, which returns floating-point operations, until the pass is over.
template <typename Body>
Rate Pass(const Body& body) {
  double operations = 0, ms = 0;
  const auto start = Clock::now();
  do {
    operations += body();
    ms = MsSince(start);
  } while (ms < kPassMs);
  return {1e-6 * operations / ms, CoreClock()};
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Buffer Filled(size_t size, float value) {
  Buffer buffer;
  if (!buffer.Allocate(size).ok()) std::exit(1);
  std::fill_n(buffer.data(), size, value);
  return buffer;
}

void BenchTile(const KernelTable& kernels, int vectors, int pixels) {
  const int64_t lanes = kernels.lanes, blocks = kDepth / lanes, tiles = kPixels / pixels;
  const auto block_size = static_cast<size_t>(kPixels * lanes);
  const Buffer x = Filled(block_size * static_cast<size_t>(blocks), 0.5f);
  const Buffer w = Filled(static_cast<size_t>(kDepth * vectors * lanes), 0.1f);
  const Buffer bias = Filled(static_cast<size_t>(vectors * lanes), 0);
  Buffer y = Filled(block_size * static_cast<size_t>(vectors), 0);
  std::vector<Run> runs;
  for (int64_t b = 0; b < blocks; ++b) {
    runs.push_back({static_cast<ptrdiff_t>(block_size) * b, static_cast<size_t>(lanes)});
  }
  TileArgs args{};
  args.x_pixel_stride = args.y_pixel_stride = lanes;
  args.runs = runs.data();
  args.run_count = runs.size();
  args.weights = args.prefetch = w.data();
  args.bias = bias.data();
  args.y_block_stride = static_cast<ptrdiff_t>(block_size);
  args.last_lanes = static_cast<size_t>(lanes);
  const TileKernel kernel = kernels.tile[vectors - 1][pixels - 1];
  const auto row = [&] {
    for (int64_t t = 0; t < tiles; ++t) {
      args.x = x.data() + t * pixels * lanes;
      args.y = y.data() + t * pixels * lanes;
      kernel(args);
    }
    return static_cast<double>(2 * tiles * pixels * vectors * lanes * kDepth);
  };
  alignas(64) float registers[2 * kMaxLanes];
  const auto probe = [&] {
    std::fill_n(registers, lanes, 0.75f);
    std::fill_n(registers + lanes, lanes, 0.25f);
    return 2 * static_cast<double>(kernels.fma_probe(2000, registers));
  };

  std::vector<double> gflops, of_peak, per_cycle;
  for (int pass = 0; pass < kPasses; ++pass) {
    const Rate peak = Pass(probe), tile = Pass(row);
    gflops.push_back(tile.gflops);
    of_peak.push_back(tile.gflops / peak.gflops);
    per_cycle.push_back(of_peak.back() * peak.clock / tile.clock);
  }
  std::printf("| %2dx%d | %7.0f | %5.0f %% | %7.0f %% |\n", pixels, vectors, Median(gflops), 100 * Median(of_peak),
              100 * Median(per_cycle));
  std::fflush(stdout);
}

int Main(int count, char** arguments) {
  const std::string isa = count > 1 ? arguments[1] : SupportedIsas().back();
  const KernelTable* kernels = nullptr;
  const Status status = FindKernels(isa, &kernels);
  if (!status.ok()) {
    std::fprintf(stderr, "lanewise_native_bench: %s\n", status.message.c_str());
    return 2;
  }
  std::printf("1x1 convolution of 256 channels, %s, pixels x vectors per tile\n\n", isa.c_str());
  std::printf("| tile | GFLOP/s | of peak | per cycle |\n| ---: | ------: | ------: | --------: |\n");
  for (int vectors = 1; vectors <= kMaxTileVectors; ++vectors) {
    int most = kMaxTilePixels;
    while (most > 0 && kernels->tile[vectors - 1][most - 1] == nullptr) --most;
    for (const int pixels : {most, most / 2}) {
      if (pixels > 0) BenchTile(*kernels, vectors, pixels);
    }
  }
  return 0;
}

}  // namespace
}  // namespace lanewise

int main(int count, char** arguments) { return lanewise::Main(count, arguments); }
