// Subscribes to the topics of the system and keeps a Monitor up to date. No thread of its own: it
// is told when its file descriptors are readable.
#ifndef EXAMPLES_SYSTEM_MONITOR_WATCHER_H_
#define EXAMPLES_SYSTEM_MONITOR_WATCHER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "event_log.h"
#include "holler/log.h"
#include "holler/node.h"
#include "holler/options.h"
#include "monitor.h"

namespace system_monitor {

// A publisher that came or went.
struct PeerNews {
  size_t topic;
  holler::PeerInfo peer;
  bool is_matched;
  int64_t time_ns;
};

// A line of Holler's log.
struct LogNews {
  bool is_bad;
  std::string text;
  int64_t time_ns;
};

using News = std::variant<PeerNews, LogNews>;

// Brings news from the node's thread to the one that reads fd(). Thread safety: thread-safe.
class NewsQueue {
 public:
  NewsQueue();
  ~NewsQueue();

  void Post(News news);
  std::vector<News> TakeAll();
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::mutex mutex_;
  std::vector<News> news_;
};

// The subscriber of one topic, of whatever type. Thread safety: thread-compatible.
class Feed {
 public:
  virtual ~Feed() = default;
  virtual int fd() = 0;
  // Takes all samples there are.
  virtual void Drain() = 0;
};

// Thread safety: thread-compatible.
class Watcher {
 public:
  // `log` outlives the watcher.
  static absl::StatusOr<std::unique_ptr<Watcher>> Create(EventLog& log);
  ~Watcher();

  // Readable when there is something to Handle.
  std::vector<int> fds();
  // Takes whatever there is. Returns whether publishers came or went.
  bool Handle();
  // Reports the sums to the event log.
  void Summarize();

  const Monitor& monitor() const { return monitor_; }

 private:
  // What one process publishes, over all topics.
  struct Process {
    int topics = 0;            // Matched.
    int64_t publish_time = 0;  // Of its newest sample; 0: none yet.
    uint64_t samples = 0;      // Of topics that are no longer matched: received,
    uint64_t lost = 0;         // and missing between the first and the last.
  };

  explicit Watcher(EventLog& log) : log_(log) {}

  template <typename Topic>
  absl::Status Watch(holler::Node& node);
  template <typename Topic>
  class TopicFeed;

  // A sample of a topic was taken. By the feeds.
  void Count(size_t topic, const holler::PeerInfo& publisher, uint64_t sequence,
             int64_t publish_time);
  void SetLost(size_t topic, uint64_t lost) { monitor_.topics[topic].lost = lost; }

  void Matched(const PeerNews& news);
  void Gone(const PeerNews& news);
  void Say(int64_t time_ns, bool is_bad, std::string text);

  EventLog& log_;
  NewsQueue news_;  // Outlives the subscribers, whose callbacks use it.
  Monitor monitor_;
  std::map<pid_t, Process> processes_;
  std::vector<std::unique_ptr<Feed>> feeds_;  // As monitor_.topics.
};

}  // namespace system_monitor

#endif  // EXAMPLES_SYSTEM_MONITOR_WATCHER_H_
