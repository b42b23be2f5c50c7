// Pools of buffers: parts of chunks that live as long as their parts.
#include "core/buffer.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "check.h"

namespace lanewise::test {
namespace {

bool IsZero(const Buffer& buffer) {
  return std::all_of(buffer.data(), buffer.data() + buffer.size(), [](float x) { return x == 0; });
}

TEST(PoolsGiveZeroedBuffersOfTheirOwn) {
  // Around a line, a page, the largest that is a part, and what a chunk holds.
  const size_t sizes[] = {0,       1,      15, 16, 17, 1000, 1024, 1 << 18, (1 << 21) - 1, 1 << 21, (1 << 21) + 1,
                          1 << 21, 1 << 21};
  BufferPool pool;
  std::vector<Buffer> buffers;
  for (int round = 0; round < 2; ++round) {
    for (const size_t size : sizes) {
      Buffer buffer;
      CHECK(pool.Allocate(size, &buffer).ok());
      CHECK(buffer.size() == size && IsZero(buffer), "%zu floats", size);
      CHECK(reinterpret_cast<uintptr_t>(buffer.data()) % kAlignment == 0, "%zu floats", size);
      std::fill_n(buffer.data(), size, static_cast<float>(buffers.size() + 1));
      buffers.push_back(std::move(buffer));
    }
  }
  for (size_t i = 0; i < buffers.size(); ++i) {
    const float mine = static_cast<float>(i + 1);
    CHECK(std::all_of(buffers[i].data(), buffers[i].data() + buffers[i].size(), [=](float x) { return x == mine; }),
          "buffer %zu", i);
  }
}

TEST(PartsOutliveTheirPool) {
  auto pool = std::make_unique<BufferPool>();
  Buffer first, second, third;
  CHECK(pool->Allocate(1000, &first).ok() && pool->Allocate(1000, &second).ok());
  pool->Close();
  CHECK(pool->Allocate(1000, &third).ok());
  pool = nullptr;
  first = Buffer();
  for (Buffer* buffer : {&second, &third}) {
    CHECK(IsZero(*buffer));
    buffer->data()[999] = 1;
  }
  second = std::move(third);
  CHECK(second.size() == 1000 && second.data()[999] == 1);
  CHECK(second.Allocate(10, /*zeroed=*/true).ok() && IsZero(second));
}

}  // namespace
}  // namespace lanewise::test
