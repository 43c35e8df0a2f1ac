#include "watcher.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cpu_topics.h"
#include "disks_topics.h"
#include "format.h"
#include "holler/clock.h"
#include "load_topics.h"
#include "memory_topics.h"
#include "network_topics.h"
#include "processes_topics.h"

namespace system_monitor {

NewsQueue::NewsQueue() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

NewsQueue::~NewsQueue() { ::close(fd_); }

void NewsQueue::Post(News news) {
  {
    std::lock_guard lock(mutex_);
    news_.push_back(std::move(news));
  }
  ::eventfd_write(fd_, 1);
}

std::vector<News> NewsQueue::TakeAll() {
  eventfd_t ignored;
  ::eventfd_read(fd_, &ignored);
  std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

template <typename Topic>
class Watcher::TopicFeed final : public Feed {
 public:
  TopicFeed(Watcher& watcher, size_t topic, holler::Subscriber<Topic> subscriber)
      : watcher_(watcher), topic_(topic), subscriber_(std::move(subscriber)) {}

  int fd() override { return subscriber_.fd(); }
  void Drain() override {
    while (const auto sample = subscriber_.Take()) {
      watcher_.Count(topic_, sample.publisher(), sample.sequence(), sample.publish_time());
      watcher_.monitor_.system.Add(*sample, sample.publish_time());
    }
    watcher_.SetLost(topic_, subscriber_.lost() + subscriber_.malformed());
  }

 private:
  Watcher& watcher_;
  const size_t topic_;
  holler::Subscriber<Topic> subscriber_;
};

absl::StatusOr<std::unique_ptr<Watcher>> Watcher::Create(EventLog& log) {
  std::unique_ptr<Watcher> watcher(new Watcher(log));
  // On a terminal, stderr would disturb the table.
  const auto sink = [queue = &watcher->news_](holler::LogSeverity severity,
                                              const std::string& line) {
    if (severity == holler::LogSeverity::kInfo) return;
    queue->Post(LogNews{severity == holler::LogSeverity::kError, line, holler::MonotonicNow()});
  };
  auto node = holler::Node::Create({.name = "system_watcher", .log = sink});
  if (!node.ok()) return node.status();
  absl::Status status = watcher->Watch<machine::CpuTopic>(*node);
  status.Update(watcher->Watch<machine::MemoryTopic>(*node));
  status.Update(watcher->Watch<machine::LoadTopic>(*node));
  status.Update(watcher->Watch<machine::NetworkTopic>(*node));
  status.Update(watcher->Watch<machine::DisksTopic>(*node));
  status.Update(watcher->Watch<machine::ProcessesTopic>(*node));
  if (!status.ok()) return status;
  return watcher;
}

Watcher::~Watcher() = default;

template <typename Topic>
absl::Status Watcher::Watch(holler::Node& node) {
  const size_t topic = monitor_.topics.size();
  const auto post = [this, topic](bool is_matched) {
    return [this, topic, is_matched](const holler::PeerInfo& peer) {
      news_.Post(PeerNews{topic, peer, is_matched, holler::MonotonicNow()});
    };
  };
  auto subscriber = holler::Subscriber<Topic>::Create(
      node, {.on_matched = post(true), .on_unmatched = post(false)});
  if (!subscriber.ok()) return subscriber.status();
  monitor_.topics.push_back({.name = subscriber->topic(), .changed_since = holler::MonotonicNow()});
  feeds_.push_back(std::make_unique<TopicFeed<Topic>>(*this, topic, std::move(*subscriber)));
  return absl::OkStatus();
}

std::vector<int> Watcher::fds() {
  std::vector<int> fds = {news_.fd()};
  for (const auto& feed : feeds_) fds.push_back(feed->fd());
  return fds;
}

bool Watcher::Handle() {
  // First the news, then all samples: those of a publisher that is gone are among them.
  const std::vector<News> all_news = news_.TakeAll();
  for (const auto& feed : feeds_) feed->Drain();
  for (const News& news : all_news) {
    if (const auto* line = std::get_if<LogNews>(&news)) {
      Say(line->time_ns, line->is_bad, line->text);
      continue;
    }
    const auto& peer_news = std::get<PeerNews>(news);
    peer_news.is_matched ? Matched(peer_news) : Gone(peer_news);
  }
  return !all_news.empty();
}

void Watcher::Summarize() {
  const int64_t now = holler::MonotonicNow();
  for (const TopicStatus& topic : monitor_.topics) log_.Summary(topic, now);
}

void Watcher::Count(size_t index, const holler::PeerInfo& peer, uint64_t sequence,
                    int64_t publish_time) {
  TopicStatus& topic = monitor_.topics[index];
  PublisherStatus& publisher = topic.publishers[peer.pid];
  topic.counts.Add(publish_time, ++topic.samples);
  topic.sequence = sequence;
  topic.publish_time = publish_time;
  publisher.last_sequence = sequence;
  if (++publisher.samples == 1) {
    publisher.node_name = peer.node_name;
    publisher.first_sequence = sequence;
    log_.FirstSample(topic, peer.pid, holler::MonotonicNow());
  }
  processes_[peer.pid].publish_time = publish_time;
}

void Watcher::Matched(const PeerNews& news) {
  TopicStatus& topic = monitor_.topics[news.topic];
  log_.PublisherMatched(topic, news.peer, news.time_ns);
  if (topic.matched() == 0) topic.changed_since = news.time_ns;
  PublisherStatus& publisher = topic.publishers[news.peer.pid];
  publisher.node_name = news.peer.node_name;
  publisher.is_matched = true;
  if (processes_[news.peer.pid].topics++ > 0) return;
  Say(news.time_ns, false,
      absl::StrCat(news.peer.node_name, " (pid ", news.peer.pid, ") is there"));
}

void Watcher::Gone(const PeerNews& news) {
  TopicStatus& topic = monitor_.topics[news.topic];
  const auto publisher = topic.publishers.find(news.peer.pid);
  if (publisher == topic.publishers.end()) return;
  const PublisherStatus last = publisher->second;
  log_.PublisherGone(topic, news.peer.pid, last, news.time_ns);
  topic.publishers.erase(publisher);
  if (topic.matched() == 0) {
    topic.changed_since = news.time_ns;
    topic.counts.Clear();
  }
  Process& process = processes_[news.peer.pid];
  process.samples += last.samples;
  if (last.samples > 0) process.lost += last.last_sequence - last.first_sequence + 1 - last.samples;
  if (--process.topics > 0) return;
  std::string text = absl::StrCat(news.peer.node_name, " (pid ", news.peer.pid, ") is gone");
  if (process.samples > 0) {
    absl::StrAppend(&text, ", ", FormatAge(news.time_ns - process.publish_time),
                    " after the last of its ", process.samples, " samples; ", process.lost,
                    " lost");
  }
  processes_.erase(news.peer.pid);
  Say(news.time_ns, true, std::move(text));
}

void Watcher::Say(int64_t time_ns, bool is_bad, std::string text) {
  const int64_t age = holler::MonotonicNow() - time_ns;
  monitor_.Say(FormatClock(absl::GetCurrentTimeNanos() - age, true), std::move(text), is_bad);
}

}  // namespace system_monitor
