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

}  // namespace lanewise
