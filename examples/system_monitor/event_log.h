// What the watcher saw, for programs: one JSON object in each line.
#ifndef EXAMPLES_SYSTEM_MONITOR_EVENT_LOG_H_
#define EXAMPLES_SYSTEM_MONITOR_EVENT_LOG_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "holler/options.h"
#include "monitor.h"

namespace system_monitor {

// Writes each event when it happens, or nothing at all as long as it is not opened. Times are
// CLOCK_MONOTONIC in nanoseconds.
//
//   {"event": "publisher_matched", "topic": "system/cpu", "pid": 7, "node": "n", "time_ns": 1}
//   {"event": "first_sample", "topic": "system/cpu", "pid": 7, "sequence": 1,
//    "publish_time_ns": 2, "time_ns": 3}
//   {"event": "publisher_gone", "topic": "system/cpu", "pid": 7, "samples": 9,
//    "first_sequence": 1, "last_sequence": 9, "time_ns": 4}
//   {"event": "summary", "topic": "system/cpu", "samples": 9, "lost": 0, "time_ns": 5}
//
// Thread safety: thread-compatible.
class EventLog {
 public:
  EventLog() = default;
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog();

  // Appends to a file, which may be a pipe; "-": standard output.
  absl::Status Open(const std::string& path);

  void PublisherMatched(const TopicStatus& topic, const holler::PeerInfo& peer, int64_t time);
  void FirstSample(const TopicStatus& topic, pid_t pid, int64_t time);
  void PublisherGone(const TopicStatus& topic, pid_t pid, const PublisherStatus& publisher,
                     int64_t time);
  void Summary(const TopicStatus& topic, int64_t time);

 private:
  void Write(const std::string& object) const;

  int fd_ = -1;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_EVENT_LOG_H_
