#include "core/model_structure.h"

#include <algorithm>

namespace lanewise {
namespace {

// What is read at once where it is not known what comes.
constexpr int64_t kChunk = int64_t{1} << 16;
// Of a long read: the stop flag is looked at in between.
constexpr int64_t kSlice = int64_t{1} << 22;

// Longest tag and length of a field.
constexpr int64_t kMaxHeader = 20;

// Fields on the way to the payloads: ModelProto.graph, GraphProto.initializer, TensorProto.raw_data.
constexpr uint64_t kPath[] = {7, 5, 9};
constexpr size_t kPathLength = sizeof(kPath) / sizeof(kPath[0]);

enum Wire : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Walk {
 public:
  Walk(const WeightFile& file, size_t stored_from, const std::atomic<bool>& stop, ModelStructure* structure)
      : file_(file), size_(file.size()), stored_from_(stored_from), stop_(stop), structure_(*structure) {}

  Status Run() {
    std::vector<int64_t> ends = {size_};  // of the messages that the walk is in, outermost first
    for (;;) {
      while (!ends.empty() && at_ == ends.back()) ends.pop_back();
      if (ends.empty()) return Status::Ok();
      LANEWISE_RETURN_IF_ERROR(Load(at_ + kMaxHeader));
      uint64_t tag = 0, length = 0;
      if (!Varint(&tag)) return Load(size_);
      if (tag % 8 != kBytes) {
        if (!Skip(tag % 8) || at_ > ends.back()) return Load(size_);
        continue;
      }
      if (!Varint(&length) || length > static_cast<uint64_t>(std::max<int64_t>(ends.back() - at_, 0))) {
        return Load(size_);
      }
      const int64_t after = at_ + static_cast<int64_t>(length);
      const bool on_path = tag / 8 == kPath[ends.size() - 1];
      if (on_path && ends.size() < kPathLength) {
        ends.push_back(after);
        continue;
      }
      if (on_path && length >= stored_from_ && after > loaded_) {
        LeaveOut(after);
      } else {
        LANEWISE_RETURN_IF_ERROR(Load(after));
      }
      at_ = after;
    }
  }

 private:
  // Makes sure that the bytes before `end` are there, as far as the file goes, but for what was left out.
  Status Load(int64_t end) {
    if (std::min(end, size_) <= loaded_) return Status::Ok();
    const int64_t to = std::min(std::max(end, loaded_ + kChunk), size_);
    while (loaded_ < to) {
      if (stop_.load(std::memory_order_relaxed)) return {Code::kAborted, "the model file was not read"};
      const int64_t count = std::min(to - loaded_, kSlice);
      structure_.bytes.resize(Index(loaded_ + count));
      LANEWISE_RETURN_IF_ERROR(file_.Read(loaded_, static_cast<size_t>(count), &structure_.bytes[Index(loaded_)]));
      loaded_ += count;
    }
    return Status::Ok();
  }

  // What comes before `end`, the beginning of which may be there already.
  void LeaveOut(int64_t end) {
    structure_.bytes.resize(Index(at_));
    structure_.gaps.insert(structure_.gaps.end(), {at_, end});
    left_out_ += end - at_;
    loaded_ = end;
  }

  // Where a byte of the file is that comes behind all gaps.
  size_t Index(int64_t at) const { return static_cast<size_t>(at - left_out_); }

  // False for what is no varint.
  bool Varint(uint64_t* value) {
    for (int shift = 0; shift < 63 && at_ < size_; shift += 7) {
      const uint64_t byte = structure_.bytes[Index(at_++)];
      *value |= (byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  }

  // Steps over the value of a field that is not kBytes; false for a wire type that does not belong here.
  bool Skip(uint64_t wire) {
    switch (wire) {
      case kFixed32: at_ += 4; return true;
      case kFixed64: at_ += 8; return true;
      case kVarint:
        // Ten bytes at most, which Load has made sure of, or it is no number.
        for (int i = 0; i < 10 && at_ < size_; ++i) {
          if (structure_.bytes[Index(at_++)] < 128) return true;
        }
        return false;
      default: return false;
    }
  }

  const WeightFile& file_;
  const int64_t size_;
  const size_t stored_from_;
  const std::atomic<bool>& stop_;
  ModelStructure& structure_;
  int64_t left_out_ = 0;  // bytes
  int64_t loaded_ = 0;    // bytes before this were read or left out
  int64_t at_ = 0;
};

}  // namespace

Status ReadStructure(const WeightFile& file, size_t stored_from, const std::atomic<bool>& stop,
                     ModelStructure* structure) {
  return Walk(file, stored_from, stop, structure).Run();
}

}  // namespace lanewise
