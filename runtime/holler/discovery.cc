#include "holler/discovery.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/system_error.h"
#include "holler/thread_setup.h"

namespace holler {
namespace {

constexpr int64_t kNever = INT64_MAX;
constexpr int64_t kRetryLater = 1'000 * kMillisecond;  // After this node was out of fds.
// After each look that finds samples still held, the next comes twice as late.
constexpr int64_t kFirstLingerCheck = 50 * kMillisecond;
constexpr int64_t kLastLingerCheck = 60'000 * kMillisecond;
constexpr int64_t kSweepOfLook = 20 * kMillisecond;  // From one sweep of a look to the next.
constexpr int kEventsAtOnce = 64;

absl::Status TooManyTopics() {
  return absl::ResourceExhaustedError(
      absl::StrCat("a node publishes and subscribes to at most ", kMaxTopicsPerList,
                   " topics each: create a second node in this process for more"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<Discovery>> Discovery::StartAs(
    const NodeOptions& options, std::unique_ptr<Observation> observation) {
  absl::StatusOr<NodeIdentity> self = MakeIdentity(options);
  if (!self.ok()) return self.status();
  LogSink log = options.log ? options.log : StderrLog(self->name);
  std::unique_ptr<Discovery> discovery(new Discovery(std::move(*self), Clock(options.clock),
                                                     std::move(log), std::move(observation)));
  absl::Status status = discovery->Open(options);
  if (status.ok()) status = discovery->StartThread();
  if (!status.ok()) return status;
  std::shared_ptr<Discovery> started(discovery.release(), &Discovery::Destroy);
  status = SetUpThread(started->thread_.native_handle(), options.discovery_thread,
                       "the discovery thread");
  if (!status.ok()) return status;
  return started;
}

absl::Status Discovery::Open(const NodeOptions& options) {
  if (absl::Status status = poll_.Open(); !status.ok()) return status;
  timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  wake_ = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!timer_ || !wake_) return SystemError(errno, "opening a node");
  for (const int fd : {timer_.get(), wake_.get()}) {
    if (absl::Status status = poll_.Add(fd, EPOLLIN); !status.ok()) return status;
  }
  // Listens before it announces anything, or two nodes could miss each other.
  if (absl::Status status = listener_.Open(); !status.ok()) return status;
  if (absl::Status status = finder_.Open(options); !status.ok()) return status;
  finder_.ShowTopics();
  return absl::OkStatus();
}

absl::Status Discovery::StartThread() {
  // Signals are for the user's threads.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  absl::Status status;
  try {
    thread_ = std::thread(&Discovery::Run, this);
  } catch (const std::system_error& error) {
    status = SystemError(error.code().value(), "starting the discovery thread");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (status.ok()) ::pthread_setname_np(thread_.native_handle(), "holler");
  return status;
}

void Discovery::Destroy(Discovery* discovery) {
  if (discovery->is_forked()) return;  // There is no thread to join; the kernel frees the rest.
  const bool inside = discovery->thread_.get_id() == std::this_thread::get_id();
  {
    std::lock_guard lock(discovery->mutex_);
    discovery->stop_ = true;
    discovery->delete_on_exit_ = inside;
  }
  if (inside) {  // A callback dropped the last reference: the thread finishes on its own.
    discovery->thread_.detach();
    return;
  }
  ::eventfd_write(discovery->wake_.get(), 1);
  discovery->thread_.join();
  delete discovery;
}

Discovery::~Discovery() = default;

NodeStats Discovery::GetStats() const {
  std::lock_guard lock(mutex_);
  NodeStats stats = stats_;
  stats.connections = sessions_.CountEstablished();
  return stats;
}

// ---- The thread ----

void Discovery::Run() {
  epoll_event events[kEventsAtOnce];
  bool stop = false;
  while (!stop) {
    const int count = poll_.Wait(events, kEventsAtOnce);
    std::unique_lock lock(mutex_);
    for (int i = 0; i < count; ++i) HandleEvent(events[i].data.fd, events[i].events);
    callbacks_.Run(lock);
    stop = stop_;
  }
  if (delete_on_exit_) delete this;  // No reference is left, and nobody joins: see Destroy.
}

void Discovery::HandleEvent(int fd, uint32_t events) {
  if (fd == wake_.get()) {
    eventfd_t value;
    ::eventfd_read(fd, &value);
    if (has_stalled_.exchange(false)) TellStalled();
  } else if (fd == timer_.get()) {
    OnTimer();
  } else if (fd == listener_.fd()) {
    listener_.OnCallers();
  } else if (fd == finder_.fd()) {
    finder_.OnDatagrams();
  } else {
    sessions_.OnEvent(fd, events);
  }
  Settle();
}

void Discovery::Settle() {
  sessions_.DropFailed();
  while (told_changes_ != match_log_.changes()) {
    told_changes_ = match_log_.changes();
    sessions_.ForEachEstablished([](Session& session) { return session.TellObserver(); });
    sessions_.DropFailed();  // Which may be the next change.
  }
  if (observation_ != nullptr) answered_.notify_all();
  ArmTimer();
}

void Discovery::OnTimer() {
  uint64_t expirations;
  [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &expirations, sizeof(expirations));
  const int64_t now = MonotonicNow();
  finder_.Announce(now);
  if (now >= retry_at_) {
    retry_at_ = kNever;
    listener_.Retry();
    finder_.ShowTopics();
    finder_.Sweep();
    sessions_.Retry();
    local_matcher_.Retry();
  }
  if (now >= linger_at_) LookAtLingering(now);
  sessions_.DropOverdue(now);
}

void Discovery::ArmTimer() {
  const int64_t next =
      std::min({finder_.next_step(), retry_at_, linger_at_, sessions_.next_deadline()});
  itimerspec spec{};  // All zero: disarmed.
  if (next != kNever) {
    spec.it_value = absl::ToTimespec(absl::Nanoseconds(std::max<int64_t>(next, 1)));
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Discovery::RetryLater() { RetryAfter(kRetryLater); }

// After `delay` or earlier: what keeps failing must not put it off. Settle arms the timer.
void Discovery::RetryAfter(int64_t delay) {
  retry_at_ = std::min(retry_at_, MonotonicNow() + delay);
}

void Discovery::LookAtLingering(int64_t now) {
  std::erase_if(lingering_, [&](const auto& entry) {
    if (entry.second->holds_samples()) return false;
    Unregister(entry.first);
    // Dropped without the lock: it may be the last to refer to this discovery.
    callbacks_.Post(0, [subscriber = entry.second] {});
    return true;
  });
  linger_pause_ = std::min(2 * linger_pause_, kLastLingerCheck);
  linger_at_ = lingering_.empty() ? kNever : now + linger_pause_;
}

void Discovery::PostCallback(uint64_t endpoint, std::function<void()> callback) {
  callbacks_.Post(endpoint, std::move(callback));
  if (thread_.get_id() != std::this_thread::get_id()) ::eventfd_write(wake_.get(), 1);
}

void Discovery::PostLine(LogSeverity severity, const std::string& line) {
  PostCallback(0, [this, severity, line] {
    try {
      sink_(severity, line);
    } catch (...) {  // It has nobody to tell.
    }
  });
}

void Discovery::ForgetCallbacksOf(uint64_t endpoint, std::unique_lock<std::mutex>& lock) {
  if (thread_.get_id() == std::this_thread::get_id()) {
    callbacks_.ForgetFromWithin(endpoint);
  } else {
    callbacks_.Forget(endpoint, lock);
  }
}

// ---- Observers ----

// Those that listen, and have not said who they are.
std::vector<wire::NodeId> Discovery::Unmet() const {
  std::vector<wire::NodeId> unmet = finder_.Sought();
  std::erase_if(unmet, [&](const wire::NodeId& id) { return observation_->Knows(id); });
  return unmet;
}

DomainSnapshot Discovery::Look(absl::Duration timeout) {
  const int64_t deadline = DeadlineAfter(timeout);
  std::unique_lock lock(mutex_);
  observation_->StartLook();
  sessions_.ForEachEstablished([](Session& session) { return session.SendObserve(); });
  bool could_sweep = false;
  int64_t next_sweep = 0;
  while (true) {
    const int64_t now = MonotonicNow();
    if (now >= next_sweep) {
      // Those that are new are asked once they have said who they are. A call may come to nothing:
      // because the node is gone, or called at the same time. Who still listens is called again.
      could_sweep = finder_.Sweep();
      Settle();
      next_sweep = MonotonicNow() + kSweepOfLook;
    }
    if (could_sweep && observation_->IsAnswered() && Unmet().empty()) break;
    if (now >= deadline) break;
    answered_.wait_for(lock, std::chrono::nanoseconds(std::min(deadline, next_sweep) - now));
  }
  DomainSnapshot snapshot = observation_->Snapshot();
  std::map<wire::NodeId, PeerInfo> unmet;
  for (const wire::NodeId& id : Unmet()) unmet[id].node_name.assign(1, '?');
  sessions_.ForEachCalled([&](const Session& session) {  // The kernel knows whose they are.
    const auto it = unmet.find(*session.expected());
    if (it != unmet.end()) it->second = session.peer();
  });
  for (auto& [id, peer] : unmet) {
    snapshot.nodes.push_back({.id = ToString(id), .peer = std::move(peer)});
  }
  snapshot.complete = snapshot.complete && could_sweep && unmet.empty();
  std::sort(snapshot.nodes.begin(), snapshot.nodes.end(),
            [](const ObservedNode& a, const ObservedNode& b) { return a.id < b.id; });
  return snapshot;
}

// ---- The node's endpoints ----

// Before the lock, which the thread, that a child lacks, may have held at the fork.
absl::Status Discovery::CheckProcess() const {
  if (!is_forked()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("node '", self_.name, "' is of process ", pid_,
                                                    ", and this is its child ", ::getpid(),
                                                    ": create a node after fork()"));
}

absl::Status Discovery::Add(uint64_t id, PublisherEndpoint* publisher) {
  if (absl::Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  if (registry_.publishes().size() >= kMaxTopicsPerList) return TooManyTopics();
  const auto publishes = registry_.publishes();
  registry_.Add(id, publisher);
  match_log_.Created(id, MatchLog::Kind::kPublisher, publisher->topic_name());
  for (const auto& [subscriber_id, subscriber] : registry_.subscribers()) {
    if (subscriber->topic_name() == publisher->topic_name()) {
      local_matcher_.Match(id, subscriber_id);
    }
  }
  TopicsMayHaveChanged(publishes, registry_.subscribes());
  sessions_.ForEachEstablished([](Session& session) { return session.IntroducePublishers(); });
  finder_.StartAnnouncing();
  Settle();
  return absl::OkStatus();
}

absl::Status Discovery::Add(uint64_t id, SubscriberEndpoint* subscriber) {
  if (absl::Status status = CheckProcess(); !status.ok()) return status;
  std::lock_guard lock(mutex_);
  if (registry_.subscribes().size() >= kMaxTopicsPerList) return TooManyTopics();
  const auto subscribes = registry_.subscribes();
  registry_.Add(id, subscriber);
  match_log_.Created(id, MatchLog::Kind::kSubscriber, subscriber->topic_name());
  for (const auto& [publisher_id, publisher] : registry_.publishers()) {
    if (subscriber->topic_name() == publisher->topic_name()) {
      local_matcher_.Match(publisher_id, id);
    }
  }
  sessions_.ForEachEstablished([&](Session& session) { return session.Introduce(id, subscriber); });
  TopicsMayHaveChanged(registry_.publishes(), subscribes);
  finder_.StartAnnouncing();
  Settle();
  return absl::OkStatus();
}

void Discovery::RemovePublisher(uint64_t id) {
  if (is_forked()) return;
  std::unique_lock lock(mutex_);
  const auto publishes = registry_.publishes();
  registry_.Remove(id);
  match_log_.Closed(id);
  match_log_.Gone(LocalKey(id));
  for (const auto& [subscriber_id, subscriber] : registry_.subscribers()) {
    subscriber->End(LocalKey(id));
  }
  sessions_.ForEachEstablished([&](Session& session) { return session.SendGone(id); });
  TopicsMayHaveChanged(publishes, registry_.subscribes());
  Settle();
  ForgetCallbacksOf(id, lock);
}

void Discovery::RemoveSubscriber(uint64_t id) {
  if (is_forked()) return;
  std::unique_lock lock(mutex_);
  Unregister(id);
  Settle();
  ForgetCallbacksOf(id, lock);
}

void Discovery::Unregister(uint64_t subscriber) {
  const auto subscribes = registry_.subscribes();
  registry_.Remove(subscriber);
  match_log_.Closed(subscriber);
  match_log_.Gone(LocalKey(subscriber));
  for (const auto& [publisher_id, publisher] : registry_.publishers()) {
    Announce(publisher_id, publisher->Dismiss(LocalKey(subscriber)));
  }
  sessions_.ForEachEstablished([&](Session& session) { return session.SendGone(subscriber); });
  TopicsMayHaveChanged(registry_.publishes(), subscribes);
}

void Discovery::RemoveWhenReleased(uint64_t id, std::shared_ptr<SubscriberEndpoint> subscriber) {
  if (is_forked()) return;
  std::unique_lock lock(mutex_);
  // No new matches, no callbacks; but publishers are not told, and leave its samples alone.
  const auto subscribes = registry_.subscribes();
  registry_.Remove(id);
  match_log_.Closed(id);
  TopicsMayHaveChanged(registry_.publishes(), subscribes);
  subscriber->TakeNoMore();
  lingering_.emplace(id, std::move(subscriber));
  linger_pause_ = kFirstLingerCheck;
  linger_at_ = MonotonicNow() + linger_pause_;
  Settle();
  ForgetCallbacksOf(id, lock);
}

void Discovery::TellStalledSoon() noexcept {
  has_stalled_.store(true);
  ::eventfd_write(wake_.get(), 1);
}

void Discovery::TellStalled() {
  for (const auto& [publisher, endpoint] : registry_.publishers()) {
    for (const EndpointKey& key : endpoint->TakeStalled()) {
      if (key.node == self_.id) {
        local_matcher_.TellStalled(publisher, key.endpoint);
        continue;
      }
      sessions_.VisitEstablished(
          key.node, [publisher = publisher, subscriber = key.endpoint](Session& session) {
            return session.TellStalled(publisher, subscriber);
          });
    }
  }
}

void Discovery::TopicsMayHaveChanged(const std::vector<uint64_t>& publishes_before,
                                     const std::vector<uint64_t>& subscribes_before) {
  if (registry_.publishes() == publishes_before && registry_.subscribes() == subscribes_before) {
    return;
  }
  finder_.ShowTopics();
  sessions_.SendTopics();
}

void Discovery::Announce(uint64_t publisher,
                         const std::vector<PublisherEndpoint::Admitted>& admitted) {
  for (const auto& [key, join] : admitted) {
    if (key.node == self_.id) {
      local_matcher_.Confirm(publisher, key.endpoint, join);
      continue;
    }
    sessions_.VisitEstablished(
        key.node, [publisher, subscriber = key.endpoint, join = join](Session& session) {
          return session.Confirm(publisher, subscriber, join);
        });
  }
}

}  // namespace holler
