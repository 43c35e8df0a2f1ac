// How the nodes of a domain find each other and match their endpoints: hollers, sweeps, sessions,
// and the one thread that serves them. docs/discovery.md argues why every pair meets.
#ifndef HOLLER_DISCOVERY_H_
#define HOLLER_DISCOVERY_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/endpoint.h"
#include "holler/neighbourhood.h"
#include "holler/options.h"
#include "holler/registry.h"
#include "holler/session.h"
#include "holler/unique_fd.h"

namespace holler {

// The discovery of one node.
//
// It sleeps in one epoll_wait. Timers run only while it announces new endpoints or a connection
// has not yet said who it is; after that nothing wakes it but other nodes.
//
// Thread safety: thread-safe. Endpoints are called with the lock held; callbacks of users without.
class Discovery : private SessionHost {
 public:
  // Opens the sockets and starts the thread. The thread ends with the last reference, even if a
  // callback drops it. Errors: invalid options, limits.
  static absl::StatusOr<std::shared_ptr<Discovery>> Start(const NodeOptions& options);

  // A number for an endpoint that is about to be added.
  uint64_t NewEndpointId() { return next_endpoint_.fetch_add(1, std::memory_order_relaxed); }

  // Announces an endpoint, and matches it with what is known already. It must stay alive until
  // it is removed.
  // Errors: ResourceExhausted: the node has as many topics as fit a message.
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

  // Logs a line, once. Without the lock held.
  void Warn(const std::string& line) {
    std::lock_guard lock(mutex_);
    log_.Log(LogSeverity::kWarning, line);
  }

  const NodeIdentity& self() const override { return self_; }
  // EndpointKey of an endpoint of this node.
  EndpointKey LocalKey(uint64_t endpoint) const { return {self_.id, endpoint}; }
  NodeStats GetStats() const;

  ~Discovery() override;

 private:
  using SessionMap = std::map<int, std::unique_ptr<Session>>;  // By fd.

  struct Callback {
    uint64_t endpoint;
    std::function<void()> run;
  };

  explicit Discovery(NodeIdentity self, std::set<uid_t> allowed, LogSink log)
      : self_(std::move(self)), allowed_(std::move(allowed)), log_(std::move(log)) {}

  absl::Status Open(const NodeOptions& options);
  absl::Status Watch(int fd, uint32_t events);
  static void Destroy(Discovery* discovery);

  // The thread.
  void Run();
  void HandleEvent(int fd, uint32_t events);
  void RunCallbacks();

  // Finding nodes.
  void OnDatagrams();
  void OnAccept();
  void OpenSpare();
  void OnTimer();
  void StartAnnouncing();
  void Holler();
  void Sweep();
  void CallNode(const NodeAddress& address);
  bool IsOwner(const Session& session) const;
  void RetryAfter(int64_t delay);
  bool Worthwhile(const wire::HollerT& holler) const;
  void ArmTimer();

  // Talking to them.
  void AddSession(std::unique_ptr<Connection> connection, std::optional<wire::NodeId> expected);
  absl::Status OnMessages(Session& session);
  absl::Status OnHello(Session& session, const wire::HelloT& hello);
  Session* FindEstablished(const wire::NodeId& id);
  Session* FindCalling(const wire::NodeId& id);
  void DropLater(Session& session, const absl::Status& why);
  void DropFailed();
  void ForEachEstablished(const std::function<absl::Status(Session&)>& visit);
  void TopicsChanged(const std::vector<uint64_t>& publishes_before,
                     const std::vector<uint64_t>& subscribes_before);
  void MatchLocally(uint64_t publisher_id, PublisherEndpoint* publisher, uint64_t subscriber_id,
                    SubscriberEndpoint* subscriber);
  void UpdateWatch(Session& session);
  void Unregister(uint64_t subscriber);
  void AwaitCallbackOf(uint64_t endpoint, std::unique_lock<std::mutex>& lock);

  // SessionHost.
  const Registry& registry() const override { return registry_; }
  NodeStats& stats() override { return stats_; }
  void LogOnce(LogSeverity severity, const std::string& line) override { log_.Log(severity, line); }
  void RetryLater() override;
  void Announce(uint64_t publisher,
                const std::vector<PublisherEndpoint::Admitted>& admitted) override;

  const NodeIdentity self_;
  const std::set<uid_t> allowed_;
  std::atomic<uint64_t> next_endpoint_{1};
  UniqueFd epoll_;
  UniqueFd listener_;
  UniqueFd timer_;
  UniqueFd wake_;   // An eventfd: something for the thread to do.
  UniqueFd spare_;  // Given up for a moment to turn away callers when fds run out.
  std::optional<MulticastGroup> group_;
  std::thread thread_;

  mutable std::mutex mutex_;  // Guards all below.
  OnceLog log_;
  Registry registry_;
  SessionMap sessions_;
  // For whatever arrives; not zeroed, so only what is used costs memory.
  const std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(kMaxMessageBytes);
  std::set<std::pair<uint64_t, uint64_t>> local_again_;  // Local pairs to match when fds are free.
  std::set<int> failed_;  // Sessions to drop once the present event is handled.
  NodeStats stats_;
  std::deque<Callback> callbacks_;
  uint64_t running_callback_ = 0;  // Endpoint whose callback runs now.
  std::condition_variable callback_done_;
  uint64_t topics_version_ = 0;                      // Counts additions of endpoints.
  std::set<wire::NodeId> banned_;                    // Sent nonsense: not called any more.
  std::map<wire::NodeId, uint64_t> nothing_common_;  // Nodes met in vain, at that version.
  int64_t announce_start_ = 0;  // Monotonic ns; of the schedule in discovery.cc.
  size_t announce_step_ = SIZE_MAX;
  int64_t retry_at_ = 0;  // Another sweep, for nodes whose backlog was full. 0: none.
  // Closed by the user with samples still held, and when to look again (0: none).
  std::map<uint64_t, std::shared_ptr<SubscriberEndpoint>> lingering_;
  int64_t linger_at_ = 0;
  std::map<int, int64_t> hello_deadlines_;  // Accepted connections that have not said hello.
  bool stop_ = false;
  bool delete_on_exit_ = false;
};

}  // namespace holler

#endif  // HOLLER_DISCOVERY_H_
