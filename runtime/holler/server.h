// The server of one method of a generated service.
#ifndef HOLLER_SERVER_H_
#define HOLLER_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/call_options.h"
#include "holler/node.h"
#include "holler/publisher.h"
#include "holler/sample.h"
#include "holler/server_core.h"
#include "holler/service.h"
#include "holler/subscriber.h"

namespace holler {

// What a server and the calls it took share.
template <typename Method>
struct ServerState {
  using Replies = Publisher<typename Method::Reply>;
  using Requests = Subscriber<typename Method::Request>;

  ServerState(Replies replies_in, Requests requests_in, Clock clock)
      : replies(std::move(replies_in)),
        requests(std::move(requests_in)),
        core(replies.core(), requests->core(), std::move(clock)) {}

  // Loans may be out, so the publisher stays, but matched with nobody.
  void Close() {
    core.Close();
    replies.core().Close();
    requests.reset();
  }

  Replies replies;
  std::optional<Requests> requests;
  ServerCore core;
};

// A call to answer: once, by Reply or Fail. One that is let go unanswered fails at the caller with
// kAborted. It holds the request, which stays as it is; a client may have max_calls of them.
// Thread safety: thread-compatible, together with its server.
template <typename Method>
class IncomingCall {
 public:
  using Request = typename Method::Request::Message;
  using ReplyLoan = TopicLoan<typename Method::Reply>;

  // No call.
  IncomingCall() = default;
  IncomingCall(std::shared_ptr<ServerState<Method>> state, Sample<Request> request,
               const CallHeader& header)
      : state_(std::move(state)), request_(std::move(request)), header_(header) {}
  IncomingCall(IncomingCall&&) noexcept = default;
  IncomingCall& operator=(IncomingCall&& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(request_, other.request_);
    std::swap(header_, other.header_);
    return *this;
  }
  ~IncomingCall() {
    if (state_ != nullptr) Fail(absl::StatusCode::kAborted);
  }

  // Whether it is one, and not answered yet.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  const Request& operator*() const noexcept { return *request_; }
  const Request* operator->() const noexcept { return &*request_; }

  // Who asks. Valid as long as this is a call.
  const PeerInfo& caller() const noexcept { return request_.publisher(); }
  // Whether the caller has left or died: nobody waits for the reply.
  bool is_abandoned() const noexcept { return ServerCore::IsGone(request_.taken()); }
  // When the caller stops waiting, by NodeOptions::clock; INT64_MAX: never.
  int64_t deadline() const noexcept { return header_.deadline; }
  bool is_expired() const noexcept {
    return header_.deadline != INT64_MAX && state_->core.clock().Now() >= header_.deadline;
  }

  // A slot for the reply. Must not outlive the call, or else what answers it. Empty if nobody
  // listens any more, or all loans are out.
  ReplyLoan Loan() noexcept { return state_->replies.Loan(); }

  // Answers. False: the caller is gone, or there is no reply: an empty loan, or a table that was
  // not finished or exceeds max_bytes. Then the call fails with kInternal.
  bool Reply(ReplyLoan&& loan) noexcept {
    const std::shared_ptr<ServerState<Method>> state = std::exchange(state_, nullptr);
    ReplyLoan reply = std::move(loan);
    const TakenSample& request = request_.taken();
    uint64_t sequence = 0;
    if (state->core.IsHeard(request)) {
      if (reply) {
        WriteCallHeader(ServerState<Method>::Replies::PayloadOf(reply),
                        ServerCore::ReplyTo(request, header_, absl::StatusCode::kOk));
        sequence = state->replies.Publish(std::move(reply));
      }
      if (sequence != 0) {
        state->core.Replied();
      } else {
        state->core.Fail(request, header_, absl::StatusCode::kInternal);
      }
    }
    request_.Release();
    return sequence != 0;
  }
  bool Reply(const typename Method::Reply::Message& message) noexcept
      requires(Method::Reply::kLayout.payload_kind == PayloadKind::kStruct) {
    ReplyLoan loan = Loan();
    if (loan) loan->CopyFrom(message);
    return Reply(std::move(loan));
  }

  // Answers with an error; what it says is told by Reply::code().
  void Fail(absl::StatusCode why) noexcept {
    const std::shared_ptr<ServerState<Method>> state = std::exchange(state_, nullptr);
    if (state == nullptr) return;
    // kOk would promise a message.
    if (why == absl::StatusCode::kOk) why = absl::StatusCode::kUnknown;
    state->core.Fail(request_.taken(), header_, why);
    request_.Release();
  }

 private:
  std::shared_ptr<ServerState<Method>> state_;  // Null once it is answered.
  Sample<Request> request_;
  CallHeader header_;
};

// Serves one method of a service, for any number of clients.
//
//   auto plan = nav::PlannerPlanServer::Create(*node);
//   while (plan->Wait(absl::InfiniteDuration()))
//     while (auto call = plan->Take())
//       if (auto reply = call.Loan()) { reply->set_cost(call->goal());
//       call.Reply(std::move(reply)); }
//
// Calls that are too late, or whose caller is gone, are not handed out. With several servers, each
// client calls the one it was matched with longest; the others stand by.
// Take, Loan and Reply allocate nothing, and make no system call but to wake clients that sleep;
// Loan waits at most ServerOptions::stall_limit for clients that do not take their replies.
// Thread safety: thread-compatible.
template <typename Method>
class Server {
 public:
  using CallType = IncomingCall<Method>;
  using State = ServerState<Method>;

  // Does not block: clients are found in the background. Errors: a bad name in `options`; limits
  // on memory or open files.
  static absl::StatusOr<Server> Create(Node& node, ServerOptions options = {}) {
    const CallTopics topics = CallTopicsOf(Method::kName, Method::kService, options.service);
    auto requests = State::Requests::Create(node, {.topic = topics.request,
                                                   .on_matched = std::move(options.on_matched),
                                                   .on_unmatched = std::move(options.on_unmatched),
                                                   .on_refused = options.on_refused,
                                                   .verify = options.verify});
    if (!requests.ok()) return requests.status();
    auto replies = State::Replies::CreateHalf(node, requests->core()->key().endpoint,
                                              {.topic = topics.reply,
                                               .on_refused = std::move(options.on_refused),
                                               .stall_limit = options.stall_limit});
    if (!replies.ok()) return replies.status();
    return Server(
        std::make_shared<State>(std::move(*replies), std::move(*requests), ClockOf(node)));
  }

  Server(Server&&) noexcept = default;
  Server& operator=(Server&& other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  // Calls not answered end with kPeerGone.
  ~Server() {
    if (state_ != nullptr) state_->Close();
  }

  // The next call, of all clients by the time of their requests. Empty: nothing new, or a client
  // has max_calls of its calls held. Never blocks.
  CallType Take() noexcept { return TakeFrom(state_); }

  // Sleeps until there may be a call to take, or `timeout` is over. Returns whether there may be.
  bool Wait(absl::Duration timeout) noexcept { return state_->requests->Wait(timeout); }
  // For poll and its like: readable when there may be calls; then Take until it gives nothing.
  int fd() noexcept { return state_->requests->fd(); }

  // Clients matched at present. By any thread.
  int client_count() const { return state_->requests->publisher_count(); }
  ServerStats stats() const noexcept { return state_->core.stats(); }
  // Requests that were no valid message: their client is broken.
  uint64_t malformed() const noexcept { return state_->requests->malformed(); }
  // Times a client was not waited for any longer.
  uint64_t dropped() const noexcept { return state_->replies.dropped(); }

  // For event loops.
  const std::shared_ptr<State>& state() const noexcept { return state_; }
  static CallType TakeFrom(const std::shared_ptr<State>& state) noexcept {
    if (state->core.closed()) return {};
    SubscriberCore& core = *state->core.requests();
    for (int i = 0; i < kMostPassedOver; ++i) {
      const std::optional<TakenSample> taken = core.Take();
      if (!taken.has_value()) return {};
      const std::optional<CallHeader> header = state->core.Accept(*taken);
      if (!header.has_value()) {
        SubscriberCore::Release(*taken);
        continue;
      }
      const auto* message = State::Requests::MessageIn(core, *taken);
      if (message != nullptr) return CallType(state, {*taken, message}, *header);
      state->core.Fail(*taken, *header, absl::StatusCode::kDataLoss);
      core.Reject(*taken);
    }
    core.LookAgain();
    return {};
  }

 private:
  // Requests in a row that are others', too late or malformed, after which the user gets a turn.
  static constexpr int kMostPassedOver = 1'000;

  explicit Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace holler

#endif  // HOLLER_SERVER_H_
