#include "core/weight_file.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#if !defined(_WIN32)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace lanewise {

#if defined(_WIN32)

Status WeightFile::Open(int, std::shared_ptr<WeightFile>*) {
  return Status::Unsupported("descriptors are not shared with the program on this system");
}
WeightFile::~WeightFile() = default;
Status WeightFile::ReadFile(int64_t, size_t, char*) const { return Status::Internal("no file"); }
Status WeightFile::CheckUnchanged() const { return Status::Ok(); }

#else

namespace {

struct FileState {
  bool regular = false;
  int64_t size = 0, modified_ns = 0;
};

// False when the system does not say.
bool Examine(int descriptor, FileState* state) {
  const auto nanoseconds = [](const auto& time) {
    return static_cast<int64_t>(time.tv_sec) * 1000000000 + time.tv_nsec;
  };
#if defined(__linux__)
  // fstat is a function of the C library since glibc 2.33 only, which is newer than what an addon may ask for.
  struct statx info {};
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &info) != 0) return false;
  *state = {S_ISREG(info.stx_mode), static_cast<int64_t>(info.stx_size), nanoseconds(info.stx_mtime)};
#else
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return false;
#if defined(__APPLE__)
  const timespec& modified = info.st_mtimespec;
#else
  const timespec& modified = info.st_mtim;
#endif
  *state = {S_ISREG(info.st_mode), static_cast<int64_t>(info.st_size), nanoseconds(modified)};
#endif
  return true;
}

}  // namespace

Status WeightFile::Open(int descriptor, std::shared_ptr<WeightFile>* file) {
  FileState state;
  if (!Examine(descriptor, &state) || !state.regular) return Status::Invalid("expected an open regular file");
  std::shared_ptr<WeightFile> opened(new WeightFile);
  opened->descriptor_ = dup(descriptor);
  if (opened->descriptor_ < 0) return Status::Internal("the model file cannot be kept open: too many open files");
  opened->size_ = state.size;
  opened->modified_ns_ = state.modified_ns;
  *file = std::move(opened);
  return Status::Ok();
}

WeightFile::~WeightFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

Status WeightFile::CheckUnchanged() const {
  FileState state;
  if (Examine(descriptor_, &state) && state.size == size_ && state.modified_ns == modified_ns_) return Status::Ok();
  return {Code::kModelFormat, "the model file has changed since it was opened, and its weights were needed again"};
}

Status WeightFile::ReadFile(int64_t offset, size_t count, char* bytes) const {
  for (size_t done = 0; done < count;) {
    const ssize_t got =
        pread(descriptor_, bytes + done, count - done, static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      LANEWISE_RETURN_IF_ERROR(CheckUnchanged());
      return {Code::kModelFormat, "the model file cannot be read"};
    }
    done += static_cast<size_t>(got);
  }
  return CheckUnchanged();
}

#endif

Status WeightFile::Create(size_t size, std::shared_ptr<WeightFile>* file) {
  std::shared_ptr<WeightFile> created(new WeightFile);
  LANEWISE_RETURN_IF_ERROR(created->memory_.Allocate((size + sizeof(float) - 1) / sizeof(float)));
  created->size_ = static_cast<int64_t>(size);
  *file = std::move(created);
  return Status::Ok();
}

Status WeightFile::Write(int64_t offset, size_t count, const void* bytes) {
  if (memory_.data() == nullptr) return Status::Invalid("only a copy in memory is written to");
  if (!Has(offset, count)) return Status::Invalid("bytes outside of the model file");
  if (count > 0) std::memcpy(reinterpret_cast<char*>(memory_.data()) + offset, bytes, count);
  return Status::Ok();
}

Status WeightFile::Read(int64_t offset, size_t count, void* bytes) const {
  if (!Has(offset, count)) return Status::Invalid("bytes outside of the model file");
  if (descriptor_ >= 0) return ReadFile(offset, count, static_cast<char*>(bytes));
  if (count > 0) std::memcpy(bytes, reinterpret_cast<const char*>(memory_.data()) + offset, count);
  return Status::Ok();
}

Status StoredWeights::Read(int64_t size, size_t first, size_t count, float* elements) const {
  LANEWISE_RETURN_IF_ERROR(
      file->Read(offset + static_cast<int64_t>(first * sizeof(float)), count * sizeof(float), elements));
  if (scale.empty()) return Status::Ok();
  const size_t part = static_cast<size_t>(size) / scale.size(), end = first + count;
  for (size_t at = first; at < end;) {
    const double factor = scale[at / part];
    const size_t next = std::min(end, (at / part + 1) * part);
    for (; at < next; ++at, ++elements) *elements = static_cast<float>(factor * *elements);
  }
  return Status::Ok();
}

}  // namespace lanewise
