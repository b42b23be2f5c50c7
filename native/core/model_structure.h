// Reads a model file without its large weights. What is left out is left zero, so that everything has its place in the
// array: memory that nobody writes is none, and the weights can be found in the file where they would be in the array.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/status.h"
#include "core/weight_file.h"

namespace lanewise {

// Fills `bytes`, which are zero and as many as the file has, but for payloads of `stored_from` bytes and more of its
// initializers. Where the file does not look like a model the rest of it is read as it is: saying what is wrong is the
// decoder's. Here it is only walked along, on a thread of its own: a read that is asked for on the JavaScript thread
// takes a hundred times longer to come back than to do, and what to read next is only known then.
Status ReadStructure(const WeightFile& file, size_t stored_from, const std::atomic<bool>& stop, uint8_t* bytes);

}  // namespace lanewise
