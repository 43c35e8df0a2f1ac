// A call that a server took, and how it is answered.
#ifndef HOLLER_INCOMING_CALL_H_
#define HOLLER_INCOMING_CALL_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "holler/clock.h"
#include "holler/publisher.h"
#include "holler/sample.h"
#include "holler/server_core.h"
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
  // The call it was until then is let go.
  IncomingCall& operator=(IncomingCall&& other) noexcept {
    if (this == &other) return *this;
    Fail(absl::StatusCode::kAborted);
    state_ = std::move(other.state_);
    request_ = std::move(other.request_);
    header_ = other.header_;
    return *this;
  }
  ~IncomingCall() { Fail(absl::StatusCode::kAborted); }

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

  // Answers. True: the reply was sent; it comes too late if is_expired(), or if the caller has
  // cancelled. False: the caller is gone, or there is no reply: an empty loan, or a table that was
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

  // Answers with an error; what it says is told by Reply::code(). Without a call, or once it is
  // answered, it does nothing.
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

}  // namespace holler

#endif  // HOLLER_INCOMING_CALL_H_
