// What all clients have in common, whatever their messages: calls under way, and how they end.
#ifndef HOLLER_CLIENT_CORE_H_
#define HOLLER_CLIENT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "holler/call_options.h"
#include "holler/clock.h"
#include "holler/endpoint.h"
#include "holler/publisher_core.h"
#include "holler/subscriber_core.h"

namespace holler {

// Is told by a client of what an event loop must know.
class CallListener {
 public:
  virtual ~CallListener() = default;
  // A call was sent, or ended other than by a sample: there may be something to take, and the next
  // deadline may be another.
  virtual void CallsChanged() = 0;
};

// The calls of one client. Each ends exactly once: with the reply, or with whatever comes first of
// its deadline, the end of its server, and Cancel.
// Thread safety: thread-compatible.
class ClientCore {
 public:
  // Returns the message of a reply; null if it is none.
  using Validate = const void* (*)(const SubscriberCore&, const TakenSample&);

  struct Ended {
    CallId call = 0;
    CallEnd end = CallEnd::kUnknown;
    absl::StatusCode code = absl::StatusCode::kOk;  // Of kFailed.
    TakenSample sample{};                           // Of kReply; whoever collects it releases it.
    const void* message = nullptr;
  };

  ClientCore(PublisherCore& requests, std::shared_ptr<SubscriberCore> replies, Clock clock,
             uint32_t max_calls, Validate validate);
  ClientCore(const ClientCore&) = delete;
  ClientCore& operator=(const ClientCore&) = delete;
  ~ClientCore() { Close(); }

  // The client goes away. Its endpoints are not touched after this.
  void Close() noexcept;
  bool closed() const noexcept { return requests_ == nullptr; }

  // Why a call could not be sent now: kNoServer, kFull; kPending: it could.
  CallEnd Readiness() noexcept;

  // Takes a place and writes the header before `payload`; then either Sent or Forget. Returns 0 if
  // there is nobody to send it to any more.
  CallId Begin(int64_t deadline, std::byte* payload) noexcept;
  void Sent() noexcept { TellListener(); }
  void Forget(CallId call) noexcept;
  // Has it end with kCancelled. False: it has ended already.
  bool Cancel(CallId call) noexcept;

  // Takes what came, and looks at deadlines and servers. Never blocks.
  void Pump() noexcept;
  // Has the call, or any (0), ended? Then its end is told, once. Those that ended first come first.
  Ended Collect(CallId call) noexcept;
  // The same, sleeping until it has ended or `timeout` is over.
  Ended Await(CallId call, absl::Duration timeout) noexcept;

  // Sleeps until there is a server. Returns whether there is.
  bool WaitForServer(absl::Duration timeout) noexcept;
  // Whom calls go to: of those matched in both directions, the one matched longest.
  std::optional<PeerInfo> server() noexcept;

  // The first deadline of the calls under way; INT64_MAX: none.
  int64_t next_deadline() const noexcept;
  const Clock& clock() const noexcept { return clock_; }
  const std::shared_ptr<SubscriberCore>& replies() const noexcept { return replies_; }
  bool any_ended() const noexcept;
  // Of calls under way or ended and not collected.
  uint32_t count() const noexcept;
  uint64_t late() const noexcept { return late_; }

  void SetListener(CallListener* listener) noexcept { listener_ = listener; }
  // Unless another has been set since.
  void RemoveListener(CallListener* listener) noexcept {
    if (listener_ == listener) listener_ = nullptr;
  }

 private:
  // One call. Free if its number is 0.
  struct Place {
    Ended result;
    EndpointKey server;  // Its publisher of replies.
    int64_t deadline = INT64_MAX;
    // The newest sample of the server when the deadline was first seen to be over.
    std::optional<uint64_t> last_in_time;
    uint64_t ended_as = 0;  // Counts ends.
  };

  const Source* FindServer() noexcept;
  Place* Find(CallId call) noexcept;
  void Sort(const TakenSample& taken) noexcept;
  void End(Place& place, CallEnd end, absl::StatusCode code = absl::StatusCode::kOk) noexcept;
  Source* FindSource(const EndpointKey& server) noexcept;
  bool MayHaveReply(Place& place) noexcept;
  void EndThoseWithoutServer() noexcept;
  void EndOverdue() noexcept;
  void TellListener() noexcept;
  // Sleeps until there may be news after `seen`, or CLOCK_MONOTONIC shows `until`.
  void Sleep(uint32_t seen, int64_t until) noexcept;

  PublisherCore* requests_;
  const std::shared_ptr<SubscriberCore> replies_;
  const Clock clock_;
  const EndpointKey self_;  // What replies are addressed to.
  const Validate validate_;
  std::vector<Place> places_;
  CallListener* listener_ = nullptr;
  CallId last_call_ = 0;
  uint64_t ends_ = 0;
  uint64_t late_ = 0;
};

}  // namespace holler

#endif  // HOLLER_CLIENT_CORE_H_
