// What Holler has to say outside of return values: rare, one line each.
#ifndef HOLLER_LOG_H_
#define HOLLER_LOG_H_

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>

#include "holler/clock.h"

namespace holler {

enum class LogSeverity { kInfo, kWarning, kError };

// Receives each line, without newline: of a node on its discovery thread, in turn with its
// callbacks; of an event loop on the loop's.
using LogSink = std::function<void(LogSeverity, const std::string& line)>;

// Writes "holler[name]: line" to stderr; infos, which tell of all that comes, goes and matches,
// only if HOLLER_LOG=info is in the environment.
LogSink StderrLog(const std::string& node_name);

// Passes each distinct line on once, so that a peer that repeats its mistake cannot fill a disk.
// Thread safety: thread-compatible; its owner holds a lock.
class OnceLog {
 public:
  explicit OnceLog(LogSink sink, Clock clock = {})
      : sink_(std::move(sink)), clock_(std::move(clock)) {}

  // Logs `line` unless the same was logged before. After 1,000 distinct lines within an hour it
  // says so, and keeps silent until the hour is over; then it begins anew.
  void Log(LogSeverity severity, const std::string& line) { LogFirst(line, severity, line); }
  // Logs the first line about `what`, for lines that differ each time.
  void LogFirst(const std::string& what, LogSeverity severity, const std::string& line);

 private:
  static constexpr size_t kMost = 1'000;
  static constexpr int64_t kPeriod = 3'600'000 * kMillisecond;

  LogSink sink_;
  const Clock clock_;
  int64_t since_ = 0;        // When the first of `seen_` was.
  std::set<uint64_t> seen_;  // Hashes of lines, or of what they are about.
};

}  // namespace holler

#endif  // HOLLER_LOG_H_
