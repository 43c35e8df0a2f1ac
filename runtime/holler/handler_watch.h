// Runs the handlers of an event loop, and tells of those that throw or take their time.
#ifndef HOLLER_HANDLER_WATCH_H_
#define HOLLER_HANDLER_WATCH_H_

#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include "holler/clock.h"
#include "holler/log.h"

namespace holler {

// What one handler did wrong so far.
struct HandlerRecord {
  uint64_t slow = 0;
  uint64_t thrown = 0;
};

// Reports name the handler, and the time it ran. Those about one handler come at its 1st, 2nd, 4th,
// 8th ... time, so that one which is always slow cannot fill a disk. A log that throws is ignored:
// there is nobody left to tell.
// Thread safety: thread-compatible.
class HandlerWatch {
 public:
  // `slow`: nanoseconds.
  HandlerWatch(int64_t slow, LogSink log, Clock clock)
      : slow_(slow), log_(std::move(log)), clock_(std::move(clock)) {}

  // Calls it, between two looks at the clock. Lets nothing out.
  template <typename Handler>
  void Run(const std::string& name, HandlerRecord& record, Handler&& handler) {
    const int64_t start = clock_.Now();
    try {
      handler();
    } catch (...) {
      Caught(name, record, clock_.Now() - start);
      return;
    }
    const int64_t took = clock_.Now() - start;
    if (took > slow_) [[unlikely]]
      TellSlow(name, record, took);
  }

  // The first exception since the last call; null if there was none.
  std::exception_ptr TakeException() noexcept { return std::exchange(exception_, nullptr); }

 private:
  void Caught(const std::string& name, HandlerRecord& record, int64_t took);
  void Log(LogSeverity severity, const std::string& line) noexcept;
  void TellSlow(const std::string& name, HandlerRecord& record, int64_t took);

  const int64_t slow_;
  const LogSink log_;
  const Clock clock_;
  std::exception_ptr exception_;
};

}  // namespace holler

#endif  // HOLLER_HANDLER_WATCH_H_
