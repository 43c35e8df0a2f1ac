#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "endpoint.h"
#include "holler/unique_fd.h"
#include "pattern.h"
#include "voice.h"

namespace e2e {
namespace {

// What a listener has taken from all of its publishers. Thread-safe.
class Account {
 public:
  explicit Account(std::string id) : id_(std::move(id)) {}

  void Add(uint64_t sequence, const Tick& tick) {
    std::lock_guard lock(mutex_);
    ++received_;
    if (!IsWhole(tick) || tick.number() != sequence) {
      ++torn_;
      return;
    }
    const auto [it, is_first] = last_.try_emplace(tick.source(), sequence);
    if (is_first) {
      skipped_at_start_ += sequence - 1;
    } else if (sequence <= it->second) {
      ++repeated_;
    } else {
      missing_ += sequence - it->second - 1;
      it->second = sequence;
    }
    SayIfReached();
  }

  void Expect(uint64_t source, uint64_t number) {
    std::lock_guard lock(mutex_);
    expected_.emplace(source, number);
    SayIfReached();
  }

  std::string Report() const {
    std::lock_guard lock(mutex_);
    return absl::StrCat("received=", received_, " torn=", torn_, " missing=", missing_,
                        " repeated=", repeated_, " sources=", last_.size(),
                        " before_first=", skipped_at_start_);
  }

 private:
  void SayIfReached() {
    std::erase_if(expected_, [&](const auto& expected) {
      const auto it = last_.find(expected.first);
      if (it == last_.end() || it->second < expected.second) return false;
      SayEvent("reached", id_, expected.first, it->second);
      return true;
    });
  }

  const std::string id_;
  mutable std::mutex mutex_;
  uint64_t received_ = 0;
  uint64_t torn_ = 0;
  uint64_t missing_ = 0;
  uint64_t repeated_ = 0;
  uint64_t skipped_at_start_ = 0;
  std::map<uint64_t, uint64_t> last_;  // Source to its newest number.
  std::multimap<uint64_t, uint64_t> expected_;
};

template <typename Topic>
class TopicListener final : public Listener {
 public:
  using Subscriber = holler::Subscriber<Topic>;

  TopicListener(std::string id, Subscriber subscriber, Wakeup wakeup)
      : account_(std::move(id)),
        subscriber_(std::move(subscriber)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_([this, wakeup] { wakeup == Wakeup::kFd ? RunByFd() : RunByWait(); }) {}

  ~TopicListener() override {
    Pause(false);
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
  }

  void Expect(uint64_t source, uint64_t number) override { account_.Expect(source, number); }

  void Pause(bool paused) override {
    std::lock_guard lock(mutex_);
    paused_ = paused;
    changed_.notify_all();
  }

  std::string Report() override {
    return absl::StrCat(account_.Report(), " lost=", lost_.load(), " malformed=", malformed_.load(),
                        " publishers=", subscriber_.publisher_count());
  }

 private:
  void TakeAll() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !paused_; });
    }
    while (const auto sample = subscriber_.Take()) {
      lost_ = subscriber_.lost();  // First: who hears of the sample asks for it.
      account_.Add(sample.sequence(), *sample);
    }
    malformed_ = subscriber_.malformed();
  }

  bool stopped() const {
    pollfd stop{.fd = stop_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&stop, 1, 0) > 0;
  }

  void RunByFd() {
    pollfd fds[] = {{.fd = subscriber_.fd(), .events = POLLIN, .revents = 0},
                    {.fd = stop_.get(), .events = POLLIN, .revents = 0}};
    while (::poll(fds, 2, -1) > 0 && fds[1].revents == 0) TakeAll();
  }

  // There is no other way to wake it, so it looks up now and then; a node that must be silent
  // uses kFd.
  void RunByWait() {
    while (!stopped()) {
      if (subscriber_.Wait(absl::Milliseconds(200))) TakeAll();
    }
  }

  Account account_;
  Subscriber subscriber_;  // The thread's own, but for what is thread-safe.
  const holler::UniqueFd stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool paused_ = false;
  std::atomic<uint64_t> lost_{0};
  std::atomic<uint64_t> malformed_{0};
  std::thread thread_;  // Last: it uses all the others.
};

template <typename Topic>
absl::StatusOr<std::unique_ptr<Listener>> Make(holler::Node& node, const std::string& id,
                                               const std::string& topic, Listener::Wakeup wakeup) {
  auto subscriber = holler::Subscriber<Topic>::Create(
      node, {.topic = topic,
             .on_matched = [id](const auto& peer) { SayEvent("matched", id, peer.pid); },
             .on_unmatched = [id](const auto& peer) { SayEvent("unmatched", id, peer.pid); },
             .on_refused = [id](const auto&,
                                const auto& why) { SayEvent("refused", id, why.message()); }});
  if (!subscriber.ok()) return subscriber.status();
  return std::make_unique<TopicListener<Topic>>(id, std::move(*subscriber), wakeup);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> MakeListener(holler::Node& node, const std::string& id,
                                                       const std::string& topic_class,
                                                       const std::string& topic,
                                                       Listener::Wakeup wakeup) {
  if (topic_class == "tick") return Make<TickTopic>(node, id, topic, wakeup);
  if (topic_class == "few") return Make<FewTopic>(node, id, topic, wakeup);
  if (topic_class == "last") return Make<LastTopic>(node, id, topic, wakeup);
  return absl::InvalidArgumentError("no such class of topics");
}

}  // namespace e2e
