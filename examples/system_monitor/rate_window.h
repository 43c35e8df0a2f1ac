// How fast counters grow.
#ifndef EXAMPLES_SYSTEM_MONITOR_RATE_WINDOW_H_
#define EXAMPLES_SYSTEM_MONITOR_RATE_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

namespace system_monitor {

// The values that some counters had at several times: as many as it takes to look back one span.
// Thread safety: thread-compatible.
template <typename Counters>
class RateWindow {
 public:
  explicit RateWindow(int64_t span_ns) : span_ns_(span_ns) {}

  // Times are to grow; what does not is ignored.
  void Add(int64_t time_ns, Counters counters) {
    if (!values_.empty() && time_ns <= values_.back().first) return;
    values_.emplace_back(time_ns, std::move(counters));
    // The oldest that is needed is the one just before the span.
    while (values_.size() > 2 && values_[1].first <= time_ns - span_ns_) values_.pop_front();
  }

  void Clear() { values_.clear(); }
  // Whether there are two values, so that they can be compared.
  bool has_rate() const { return values_.size() > 1; }
  size_t size() const { return values_.size(); }
  const Counters& oldest() const { return values_.front().second; }
  const Counters& newest() const { return values_.back().second; }
  int64_t newest_time() const { return values_.back().first; }
  // From the oldest to the newest.
  double seconds() const {
    return static_cast<double>(values_.back().first - values_.front().first) * 1e-9;
  }

 private:
  const int64_t span_ns_;
  std::deque<std::pair<int64_t, Counters>> values_;
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_RATE_WINDOW_H_
