// The client of one method of a generated service.
#ifndef HOLLER_CLIENT_H_
#define HOLLER_CLIENT_H_

#include <cassert>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/call_options.h"
#include "holler/client_core.h"
#include "holler/clock.h"
#include "holler/node.h"
#include "holler/publisher.h"
#include "holler/reply.h"
#include "holler/service.h"
#include "holler/subscriber.h"

namespace holler {

template <typename Method>
class Client;

// A slot to write a request into; `->` reaches its writer. Given back if it is destroyed unsent.
// Must not outlive its client.
// Thread safety: thread-compatible, together with its client.
template <typename Method>
class RequestLoan {
 public:
  using Writer = typename Method::Request::Writer;

  explicit operator bool() const noexcept { return loan_.has_value() && *loan_; }
  // Why there is none: kNoServer or kFull; kPending if there is.
  CallEnd why() const noexcept { return why_; }
  // Only if there is one.
  Writer* operator->() const noexcept {
    assert(loan_.has_value() && "an empty loan: nobody serves, or see why(), or it is sent");
    return loan_.has_value() ? loan_->operator->() : nullptr;
  }
  Writer& operator*() const noexcept { return *operator->(); }

 private:
  friend class Client<Method>;
  using Slot = TopicLoan<typename Method::Request>;

  explicit RequestLoan(CallEnd why) : why_(why) {}
  explicit RequestLoan(Slot loan) : loan_(std::move(loan)) {}

  std::optional<Slot> loan_;
  CallEnd why_ = CallEnd::kPending;
};

// Calls one method of a service.
//
//   auto plan = nav::PlannerPlanClient::Create(*node);
//   plan->WaitForServer(absl::Seconds(1));                        // go / no-go
//   auto reply = plan->Call([&](auto& request) { request.set_distance(3); });
//   if (reply) Use(reply->cost());
//
// Several at a time:
//
//   if (auto request = plan->Loan()) {
//     request->set_distance(3);
//     holler::CallId call = plan->Send(std::move(request));
//     auto reply = plan->Wait(call);                // or Take any, or EventLoop::OnReply
//   }
//
// A call goes to one server, and is executed at most once; each ends exactly once, at the latest by
// its deadline. Loan, Send and Take are wait-free, allocate nothing and make no system call but to
// wake a server that sleeps.
// Thread safety: thread-compatible.
template <typename Method>
class Client {
 public:
  using Request = typename Method::Request::Message;
  using LoanType = RequestLoan<Method>;
  using ReplyType = Reply<typename Method::Reply::Message>;

  // Does not block: servers are found in the background. Errors: a bad name in `options`; limits
  // on memory or open files.
  static absl::StatusOr<Client> Create(Node& node, ClientOptions options = {}) {
    const CallTopics topics = CallTopicsOf(Method::kName, Method::kService, options.service);
    auto replies = Replies::Create(node, {.topic = topics.reply,
                                          .on_matched = std::move(options.on_matched),
                                          .on_unmatched = std::move(options.on_unmatched),
                                          .on_refused = options.on_refused,
                                          .verify = options.verify});
    if (!replies.ok()) return replies.status();
    // Sleepers are told when the server can be reached as well. For requests, nobody is dropped:
    // who waits is the client itself, and only as long as it likes.
    auto requests = Requests::CreateHalf(
        node, replies->core()->key().endpoint,
        {.topic = topics.request,
         .on_matched =
             [told = std::weak_ptr<SubscriberCore>(replies->core())](const PeerInfo&) {
               if (const auto core = told.lock()) core->Tell();
             },
         .on_refused = std::move(options.on_refused),
         .stall_limit = absl::InfiniteDuration()});
    if (!requests.ok()) return requests.status();
    auto core = std::make_shared<ClientCore>(requests->core(), replies->core(), ClockOf(node),
                                             Method::kMaxCalls, &MessageIn);
    return Client(std::move(*requests), std::move(*replies), std::move(core),
                  options.deadline.value_or(absl::Milliseconds(Method::kDeadlineMs)));
  }

  Client(Client&&) noexcept = default;
  Client& operator=(Client&& other) noexcept {
    if (this == &other) return *this;
    Close();
    core_ = std::move(other.core_);
    replies_ = std::move(other.replies_);
    requests_ = std::move(other.requests_);
    deadline_ = other.deadline_;
    return *this;
  }
  // Calls under way are not told to have ended; servers see that their caller is gone.
  ~Client() { Close(); }

  // A slot for a request. Empty if nobody serves, or max_calls are under way or not yet collected:
  // see RequestLoan::why().
  LoanType Loan() noexcept {
    const CallEnd readiness = core_->Readiness();
    if (readiness != CallEnd::kPending) return LoanType(readiness);
    auto loan = requests_.TryLoan();
    if (loan) return LoanType(std::move(loan));
    return LoanType(loan.why() == NoLoan::kNoSubscribers ? CallEnd::kNoServer : CallEnd::kFull);
  }

  // Begins the call. Returns its number; 0 if it was not sent: an empty loan, a table that was not
  // finished, or no server any more. `deadline` counts from now; InfiniteDuration: none.
  CallId Send(LoanType&& loan) noexcept { return Send(std::move(loan), deadline_); }
  CallId Send(LoanType&& loan, absl::Duration deadline) noexcept {
    if (!loan) return 0;
    std::optional<typename LoanType::Slot> slot = std::exchange(loan.loan_, std::nullopt);
    const CallId call =
        core_->Begin(TimeAfter(core_->clock().Now(), deadline), Requests::PayloadOf(*slot));
    if (call == 0) return 0;
    if (requests_.Publish(std::move(*slot)) == 0) {
      core_->Forget(call);
      return 0;
    }
    core_->Sent();
    return call;
  }

  // How the call ended, told once; kPending after `timeout`, and the call goes on.
  ReplyType Wait(CallId call, absl::Duration timeout = absl::InfiniteDuration()) noexcept {
    return call == 0 ? ReplyType() : ReplyType(core_->Await(call, timeout));
  }
  // The next of the calls that ended, in their order; kUnknown if none did. Never blocks.
  ReplyType Take() noexcept {
    core_->Pump();
    return ReplyType(core_->Collect(0));
  }
  // The same, sleeping until one ends or `timeout` is over; kUnknown at once if none is under way.
  ReplyType WaitAny(absl::Duration timeout = absl::InfiniteDuration()) noexcept {
    return ReplyType(core_->Await(0, timeout));
  }

  // Loan, fill, send and wait in one: fill(writer). Without a server it ends at once.
  template <typename Fill>
  requires std::invocable<Fill&, typename Method::Request::Writer&> ReplyType
  Call(Fill&& fill, std::optional<absl::Duration> deadline = std::nullopt) {
    LoanType loan = Loan();
    if (!loan) return ReplyType(loan.why());
    fill(*loan);
    const CallId call = Send(std::move(loan), deadline.value_or(deadline_));
    if (call != 0) return Wait(call);
    return ReplyType(has_server() ? CallEnd::kInvalid : CallEnd::kNoServer);
  }
  ReplyType Call(const Request& request,
                 std::optional<absl::Duration> deadline = std::nullopt) noexcept
      requires(Method::Request::kLayout.payload_kind == PayloadKind::kStruct) {
    return Call([&](auto& writer) { writer.CopyFrom(request); }, deadline);
  }

  // Ends the call with kCancelled; the server is not told, and its reply will be dropped. False:
  // it has ended already.
  bool Cancel(CallId call) noexcept { return core_->Cancel(call); }

  // Go / no-go: whether there is a server, matched in both directions.
  bool has_server() noexcept { return core_->server().has_value(); }
  bool WaitForServer(absl::Duration timeout) noexcept { return core_->WaitForServer(timeout); }
  // The one that calls go to: of all, the one matched longest.
  std::optional<PeerInfo> server() noexcept { return core_->server(); }

  // For poll and its like: readable when there may be something to Take; then Take until it gives
  // nothing. Calls also end by their deadlines, of which next_deadline() is the first, by
  // NodeOptions::clock; INT64_MAX: none. Owned by the client.
  int fd() noexcept { return replies_.fd(); }
  int64_t next_deadline() const noexcept { return core_->next_deadline(); }

  // As of the last Take, WaitAny, Wait or Call: calls under way, or ended and not collected.
  uint32_t pending() const noexcept { return core_->count(); }
  // Likewise: replies that came after their call had ended, and were dropped.
  uint64_t late() const noexcept { return core_->late(); }

  // For event loops.
  const std::shared_ptr<ClientCore>& core() const noexcept { return core_; }

 private:
  using Requests = Publisher<typename Method::Request>;
  using Replies = Subscriber<typename Method::Reply>;

  Client(Requests requests, Replies replies, std::shared_ptr<ClientCore> core,
         absl::Duration deadline)
      : requests_(std::move(requests)),
        replies_(std::move(replies)),
        core_(std::move(core)),
        deadline_(deadline) {}

  void Close() {
    if (core_ != nullptr) core_->Close();
  }

  static const void* MessageIn(const SubscriberCore& core, const TakenSample& taken) {
    return Replies::MessageIn(core, taken);
  }

  Requests requests_;
  Replies replies_;
  std::shared_ptr<ClientCore> core_;
  absl::Duration deadline_;
};

}  // namespace holler

#endif  // HOLLER_CLIENT_H_
