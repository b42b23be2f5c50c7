// Memory given back to the system on another thread: for a hundred megabytes that takes 10 to 20 ms, which a JavaScript
// thread has not.
#pragma once
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace lanewise {

constexpr size_t kWorthAThread = size_t{1} << 20;

// What FreeSoon does with much.
void FreeElsewhere(std::shared_ptr<const void> owner);

// Destroys `owner`, which has `bytes`: here where they are few, or memory has run out, else soon and elsewhere.
template <typename Owner>
void FreeSoon(Owner owner, size_t bytes) noexcept {
  if (bytes < kWorthAThread) return;
  try {
    FreeElsewhere(std::make_shared<Owner>(std::move(owner)));
  } catch (const std::bad_alloc&) {
    return;
  }
}

// Gives pages of the heap that are free back to the system, soon and elsewhere. Buffers large enough to be mappings
// need no help; this is for what small ones and containers leave behind.
void ReturnFreeMemory() noexcept;

// Returns when what FreeSoon and ReturnFreeMemory were asked for before is done. May do it itself.
void AwaitFreed();

}  // namespace lanewise
