// A mutex with one condition, and thread start, straight on the system's primitives: std::condition_variable of recent
// libstdc++ would raise the oldest C++ runtime that the prebuilt binaries can load with.
#pragma once

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
  void NotifyAll();

 private:
  struct Native;
  Native* native_;
};

// False when the system refuses another thread.
bool StartDetachedThread(void (*function)(void*), void* argument);
void YieldThread();

}  // namespace lanewise
