// A mutex with one condition, and thread start, straight on the system's primitives: std::condition_variable of recent
// libstdc++ would raise the oldest C++ runtime that the prebuilt binaries can load with.
#pragma once
#include <cstddef>

namespace lanewise {

class Monitor {
 public:
  Monitor();
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;
  void Lock();
  void Unlock();
  void Wait();  // with the lock held
  void NotifyOne();
  void NotifyAll();

 private:
  struct Native;
  // Room for the system's mutex and condition, whose headers stay out of here; nothing is allocated, so nothing can
  // fail.
  alignas(std::max_align_t) unsigned char storage_[128];
  Native* native_;
};

// Holds a monitor from here to the end of the block.
class Locked {
 public:
  explicit Locked(Monitor& monitor) : monitor_(monitor) { monitor_.Lock(); }
  ~Locked() { monitor_.Unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Monitor& monitor_;
};

// False when the system refuses another thread. Throws nothing.
bool StartDetachedThread(void (*function)(void*), void* argument);
void YieldThread();

// Between two looks at what another thread will write.
inline void Pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace lanewise
