// Reads a model file without its large weights.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/status.h"
#include "core/weight_file.h"

namespace lanewise {

struct ModelStructure {
  std::vector<uint8_t> bytes;  // of the file, one behind the other, but for what was left out
  std::vector<int64_t> gaps;   // first byte and end, in the file, of each part that was
};

// Everything but payloads of `stored_from` bytes and more of initializers. Where the file does not look like a model
// the rest of it is read as it is: saying what is wrong is the reader's. Here it is only walked along, on a thread of
// its own: a read that is asked for on the JavaScript thread takes a hundred times longer to come back than to do, and
// what to read next is only known then.
Status ReadStructure(const WeightFile& file, size_t stored_from, const std::atomic<bool>& stop,
                     ModelStructure* structure);

}  // namespace lanewise
