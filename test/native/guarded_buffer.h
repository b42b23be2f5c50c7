// Floats between two inaccessible pages. They begin right after the first page or end right before the second, so that
// a kernel that reads or writes one element too many dies instead of passing. Fresh memory is a NaN that no computation
// makes, which shows what was left unwritten.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace lanewise {

enum class Guard { kBefore, kAfter };  // which page the data touch
inline constexpr Guard kBothGuards[] = {Guard::kBefore, Guard::kAfter};

inline constexpr uint32_t kPoisonBits = 0x7fc5a5a5u;
inline bool IsPoison(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits == kPoisonBits;
}

class GuardedBuffer {
 public:
  GuardedBuffer(size_t size, Guard guard) : size_(size) {
    const size_t page = PageBytes(), bytes = size * sizeof(float);
    const size_t inner = (bytes + page - 1) / page * page;
    total_ = inner + 2 * page;
    base_ = Map(total_);
    if (base_ == nullptr || !Protect(base_, page) || !Protect(base_ + page + inner, page)) {
      std::fprintf(stderr, "cannot map %zu bytes\n", total_);
      std::abort();
    }
    const size_t offset = guard == Guard::kBefore ? page : page + inner - bytes;
    data_ = reinterpret_cast<float*>(base_ + offset);
    Poison();
  }
  ~GuardedBuffer() { Unmap(base_, total_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  float* data() { return data_; }
  const float* data() const { return data_; }
  size_t size() const { return size_; }
  float& operator[](size_t i) { return data_[i]; }
  float* begin() { return data_; }
  float* end() { return data_ + size_; }
  void Poison() {
    for (size_t i = 0; i < size_; ++i) std::memcpy(data_ + i, &kPoisonBits, sizeof(float));
  }

 private:
#if defined(_WIN32)
  static size_t PageBytes() {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
  }
  static char* Map(size_t bytes) {
    return static_cast<char*>(VirtualAlloc(nullptr, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE));
  }
  static bool Protect(char* p, size_t bytes) {
    DWORD old;
    return VirtualProtect(p, bytes, PAGE_NOACCESS, &old) != 0;
  }
  static void Unmap(char* p, size_t) { VirtualFree(p, 0, MEM_RELEASE); }
#else
  static size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  static char* Map(size_t bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
  }
  static bool Protect(char* p, size_t bytes) { return mprotect(p, bytes, PROT_NONE) == 0; }
  static void Unmap(char* p, size_t bytes) { munmap(p, bytes); }
#endif

  size_t size_, total_;
  char* base_;
  float* data_;
};

}  // namespace lanewise
