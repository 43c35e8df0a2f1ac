// One thing an event loop serves.
#ifndef HOLLER_LOOP_SOURCE_H_
#define HOLLER_LOOP_SOURCE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "holler/handler_watch.h"
#include "holler/timer_queue.h"

namespace holler {

class LoopCore;

// Subscribers, timers, file descriptors and signals are served through this interface.
// Thread safety: thread-compatible; all calls by the loop's thread.
class LoopSource {
 public:
  // What a turn leaves behind.
  enum class Left {
    kNothing,  // The fd tells when there is more.
    kMore,     // There is more already: another turn, without waiting for the fd.
    kBlocked,  // There may be more, but not before the user has done something: see Unblocked.
  };

  // `name` is for reports. `fd` and `events` are for epoll; -1: none.
  LoopSource(LoopCore& loop, std::string name, int fd = -1, uint32_t events = 0)
      : loop_(loop), name_(std::move(name)), fd_(fd), events_(events) {}
  LoopSource(const LoopSource&) = delete;
  LoopSource& operator=(const LoopSource&) = delete;
  virtual ~LoopSource() = default;

  // `events` of epoll came for the fd; 0: another turn was asked for.
  virtual Left OnReady([[maybe_unused]] uint32_t events) { return Left::kNothing; }
  // Its timer is due.
  virtual void OnTimer([[maybe_unused]] int64_t now) {}
  // Whether there is something for OnReady again, after it said kBlocked.
  virtual Left Unblocked() { return Left::kNothing; }

  const std::string& name() const noexcept { return name_; }
  int fd() const noexcept { return fd_; }
  uint32_t events() const noexcept { return events_; }
  void set_events(uint32_t events) noexcept { events_ = events; }
  bool removed() const noexcept { return removed_; }

 protected:
  LoopCore& loop() const noexcept { return loop_; }

 private:
  friend class LoopCore;

  LoopCore& loop_;
  const std::string name_;
  const int fd_;
  uint32_t events_;

  // LoopCore's.
  uint64_t id_ = 0;  // 0: was never added.
  TimerNode timer_{this};
  HandlerRecord record_;
  bool removed_ = false;
  uint64_t served_in_ = 0;  // Turn.
};

}  // namespace holler

#endif  // HOLLER_LOOP_SOURCE_H_
