// Everything the watcher knows: what it shows, on a terminal or not.
#ifndef EXAMPLES_SYSTEM_MONITOR_MONITOR_H_
#define EXAMPLES_SYSTEM_MONITOR_MONITOR_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rate_window.h"
#include "system_state.h"

namespace system_monitor {

// One publisher of one topic. Times are CLOCK_MONOTONIC in nanoseconds.
struct PublisherStatus {
  std::string node_name{};
  bool is_matched = false;      // False: a sample came before the news of its publisher.
  uint64_t samples = 0;         // Received from it.
  uint64_t first_sequence = 0;  // Of those.
  uint64_t last_sequence = 0;
};

// One topic. Thread safety: thread-compatible.
struct TopicStatus {
  std::string name{};
  uint64_t samples = 0;
  uint64_t lost = 0;
  uint64_t sequence = 0;      // Of the newest sample.
  int64_t publish_time = 0;   // Of the newest sample; 0: there was none.
  int64_t changed_since = 0;  // When the first publisher came, or the last one went.
  std::map<pid_t, PublisherStatus> publishers{};
  RateWindow<uint64_t> counts{2'000'000'000};  // Of samples.

  int matched() const {
    int count = 0;
    for (const auto& [pid, publisher] : publishers) count += publisher.is_matched ? 1 : 0;
    return count;
  }
  // Samples per second; 0 when they ceased to come.
  double Rate(int64_t now) const {
    constexpr int64_t kStale = 2'000'000'000;
    if (!counts.has_rate()) return 0;
    const double rate = static_cast<double>(counts.newest() - counts.oldest()) / counts.seconds();
    // A slow topic may be late by two of its periods.
    const double late = static_cast<double>(now - counts.newest_time() - kStale) * 1e-9;
    return matched() == 0 || late * rate > 2 ? 0 : rate;
  }
};

// A line that stays to be read for a while.
struct Message {
  uint64_t number;    // Counted from 0.
  std::string clock;  // "14:03:22.123"
  std::string text;
  bool is_bad = false;
};

class Monitor {
 public:
  static constexpr size_t kMostMessages = 50;

  std::vector<TopicStatus> topics{};
  SystemState system{};
  std::deque<Message> messages{};  // The newest is the last.

  void Say(std::string clock, std::string text, bool is_bad) {
    messages.push_back({next_number_++, std::move(clock), std::move(text), is_bad});
    if (messages.size() > kMostMessages) messages.pop_front();
  }

 private:
  uint64_t next_number_ = 0;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_MONITOR_H_
