// The server of one method of a generated service.
#ifndef HOLLER_SERVER_H_
#define HOLLER_SERVER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/call_options.h"
#include "holler/incoming_call.h"
#include "holler/node.h"
#include "holler/server_core.h"
#include "holler/service.h"

namespace holler {

// Serves one method of a service, for any number of clients.
//
//   auto plan = nav::PlannerPlanServer::Create(*node);
//   while (plan->Wait(absl::InfiniteDuration()))
//     while (auto call = plan->Take()) {
//       auto reply = call.Loan();
//       if (reply) reply->set_cost(call->distance());
//       call.Reply(std::move(reply));
//     }
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
    if (this == &other) return *this;
    Close();
    state_ = std::move(other.state_);
    return *this;
  }
  // Calls not answered end with kPeerGone.
  ~Server() { Close(); }

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
    state->core.AnswerOwed();
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

  void Close() {
    if (state_ != nullptr) state_->Close();
  }

  std::shared_ptr<State> state_;
};

}  // namespace holler

#endif  // HOLLER_SERVER_H_
