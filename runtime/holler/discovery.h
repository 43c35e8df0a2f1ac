// How the nodes of a domain find each other and match their endpoints: the one thread of a node
// and what it serves. docs/discovery.md argues why every pair meets.
#ifndef HOLLER_DISCOVERY_H_
#define HOLLER_DISCOVERY_H_

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/acquaintances.h"
#include "holler/callback_queue.h"
#include "holler/clock.h"
#include "holler/domain_snapshot.h"
#include "holler/endpoint.h"
#include "holler/event_poll.h"
#include "holler/finder.h"
#include "holler/listener.h"
#include "holler/local_matcher.h"
#include "holler/log.h"
#include "holler/match_log.h"
#include "holler/node_identity.h"
#include "holler/observation.h"
#include "holler/options.h"
#include "holler/registry.h"
#include "holler/session_table.h"
#include "holler/unique_fd.h"

namespace holler {

// The discovery of one node. It owns the thread, the lock, the registry of the node's endpoints and
// the parts that do the work: Finder (hollers, sweeps, calls), Listener (who calls), SessionTable
// (conversations), LocalMatcher (matches within the node) and CallbackQueue (callbacks of users).
//
// It sleeps in one epoll_wait. Timers run only while it announces new endpoints or a connection
// has not yet said who it is; after that nothing wakes it but other nodes.
//
// Thread safety: thread-safe. Endpoints are called with the lock held; callbacks of users without.
class Discovery : private SessionHost {
 public:
  // Opens the sockets and starts the thread. The thread ends with the last reference, even if a
  // callback drops it. Errors: invalid options, limits.
  static absl::StatusOr<std::shared_ptr<Discovery>> Start(const NodeOptions& options) {
    return StartAs(options, nullptr);
  }
  // The same for an observer, which has no endpoints, and looks at those of others.
  static absl::StatusOr<std::shared_ptr<Discovery>> StartObserving(const NodeOptions& options) {
    return StartAs(options, std::make_unique<Observation>());
  }

  // Of an observer: looks for all nodes and asks each what there is; waits for their answers until
  // `timeout` is over.
  DomainSnapshot Look(absl::Duration timeout);

  // Whether this is a forked child of the process whose node this is. It has no discovery thread,
  // and what it told peers, over connections it shares with its parent, they would take for the
  // parent's word: so nothing here does anything in it.
  bool is_forked() const { return ::getpid() != pid_; }

  // A number for an endpoint that is about to be added.
  uint64_t NewEndpointId() { return next_endpoint_.fetch_add(1, std::memory_order_relaxed); }

  // Announces an endpoint, and matches it with what is known already. It must stay alive until
  // it is removed.
  // Errors: ResourceExhausted: the node has as many topics as fit a message; FailedPrecondition:
  // this is a forked child.
  absl::Status Add(uint64_t id, PublisherEndpoint* publisher);
  absl::Status Add(uint64_t id, SubscriberEndpoint* subscriber);
  // After it returned, the endpoint is called no more and none of its callbacks runs; called from
  // such a callback, that one may still finish.
  void RemovePublisher(uint64_t id);
  void RemoveSubscriber(uint64_t id);
  // Removes a subscriber, and drops this reference to it, once it holds no samples any more. Its
  // callbacks end now. The only case in which discovery looks now and then: a release must cost no
  // more than a store, so it tells nobody.
  void RemoveWhenReleased(uint64_t id, std::shared_ptr<SubscriberEndpoint> subscriber);

  // Has the discovery thread run `callback`, without the lock, unless the endpoint is removed
  // before. For endpoints, with the lock held.
  void PostCallback(uint64_t endpoint, std::function<void()> callback);

  // Has the discovery thread tell subscribers of local publishers that they have stalled. By a
  // publishing thread, which must not wait for the lock.
  void TellStalledSoon() noexcept;

  // Has a line logged, once; or the first line about `what`. Without the lock held.
  void Warn(const std::string& line) { WarnOnce(line, line); }
  void WarnOnce(const std::string& what, const std::string& line) {
    std::lock_guard lock(mutex_);
    log_.LogFirst(what, LogSeverity::kWarning, line);
  }

  // Calls `read` with the lock held, without which no endpoint may look at its matches.
  template <typename Read>
  void WithLock(Read&& read) const {
    std::lock_guard lock(mutex_);
    read();
  }

  const NodeIdentity& self() const override { return self_; }
  // EndpointKey of an endpoint of this node.
  EndpointKey LocalKey(uint64_t endpoint) const { return {self_.id, endpoint}; }
  // Of publish times; discovery's own timers go by CLOCK_MONOTONIC.
  const Clock& clock() const { return clock_; }
  NodeStats GetStats() const;

  ~Discovery() override;

 private:
  Discovery(NodeIdentity self, Clock clock, LogSink log, std::unique_ptr<Observation> observation)
      : self_(std::move(self)),
        clock_(std::move(clock)),
        sink_(std::move(log)),
        observation_(std::move(observation)) {}

  static absl::StatusOr<std::shared_ptr<Discovery>> StartAs(
      const NodeOptions& options, std::unique_ptr<Observation> observation);

  absl::Status Open(const NodeOptions& options);
  absl::Status StartThread();
  absl::Status CheckProcess() const;
  static void Destroy(Discovery* discovery);

  void PostLine(LogSeverity severity, const std::string& line);

  // The thread.
  void Run();
  void HandleEvent(int fd, uint32_t events);
  void OnTimer();
  void ArmTimer();
  void LookAtLingering(int64_t now);
  void TellStalled();
  // What every change and every event ends with.
  void Settle();

  // The node's endpoints.
  void TopicsMayHaveChanged(const std::vector<uint64_t>& publishes_before,
                            const std::vector<uint64_t>& subscribes_before);
  void Unregister(uint64_t subscriber);
  void ForgetCallbacksOf(uint64_t endpoint, std::unique_lock<std::mutex>& lock);

  std::vector<wire::NodeId> Unmet() const;

  // SessionHost.
  Observation* observation() override { return observation_.get(); }
  const Registry& registry() const override { return registry_; }
  NodeStats& stats() override { return stats_; }
  void LogOnce(LogSeverity severity, const std::string& line) override { log_.Log(severity, line); }
  void LogFirst(const std::string& what, LogSeverity severity, const std::string& line) override {
    log_.LogFirst(what, severity, line);
  }
  MatchLog& match_log() override { return match_log_; }
  void RetryAfter(int64_t delay) override;
  void RetryLater() override;
  void Announce(uint64_t publisher,
                const std::vector<PublisherEndpoint::Admitted>& admitted) override;

  const NodeIdentity self_;
  const pid_t pid_ = ::getpid();
  const Clock clock_;
  std::atomic<uint64_t> next_endpoint_{1};
  EventPoll poll_;
  UniqueFd timer_;
  UniqueFd wake_;                         // An eventfd: something for the thread to do.
  std::atomic<bool> has_stalled_{false};  // TellStalledSoon was called.
  std::thread thread_;

  mutable std::mutex mutex_;  // Guards all below.
  // Lines go the way of callbacks: whoever writes them may block, and must hold nobody up.
  const LogSink sink_;
  OnceLog log_{[this](LogSeverity severity, const std::string& line) { PostLine(severity, line); }};
  MatchLog match_log_{
      [this](LogSeverity severity, const std::string& line) { PostLine(severity, line); }};
  uint64_t told_changes_ = 0;  // Of match_log_, those that observers were told of.
  const std::unique_ptr<Observation> observation_;
  std::condition_variable answered_;  // Each time something may have changed for Look.
  NodeStats stats_;
  Registry registry_;
  Acquaintances met_;
  SessionTable sessions_{*this, met_, poll_};
  Finder finder_{*this, sessions_, met_, poll_};
  Listener listener_{*this, sessions_, poll_};
  LocalMatcher local_matcher_{*this};
  CallbackQueue callbacks_;
  int64_t retry_at_ = INT64_MAX;  // When to look again for what failed before.
  // Closed by the user with samples still held, and when to look again.
  std::map<uint64_t, std::shared_ptr<SubscriberEndpoint>> lingering_;
  int64_t linger_at_ = INT64_MAX;
  int64_t linger_pause_ = 0;
  bool stop_ = false;
  bool delete_on_exit_ = false;
};

}  // namespace holler

#endif  // HOLLER_DISCOVERY_H_
