// A server in an event loop.
#ifndef HOLLER_CALL_SUBSCRIPTION_H_
#define HOLLER_CALL_SUBSCRIPTION_H_

#include <memory>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "holler/server.h"
#include "holler/subscription.h"

namespace holler {

// Hands each call to a handler: handler(call, reply) fills in the reply, which is sent when it
// returns, unless it returns an absl::StatusCode other than kOk; handler(call) takes the call, and
// may answer later.
// Thread safety: thread-compatible, as its server; both belong to the loop's thread.
template <typename Method, typename Handler>
class CallSubscription final : public Subscription {
 public:
  CallSubscription(LoopCore& loop, std::shared_ptr<ServerState<Method>> server, Handler handler)
      : Subscription(loop, server->core.requests(), {}),
        server_(std::move(server)),
        handler_(std::move(handler)) {}

 private:
  using Call = IncomingCall<Method>;
  using Writer = typename Method::Reply::Writer;

  bool TakeOne() override {
    Call call = Server<Method>::TakeFrom(server_);
    if (!call) return false;
    if (!removed()) loop().Call(*this, [&] { Serve(std::move(call)); });
    return true;
  }

  // Whatever happens here, the call is answered: if not otherwise, when it is destroyed.
  void Serve(Call call) {
    if constexpr (std::is_invocable_v<Handler&, const Call&, Writer&>) {
      auto reply = call.Loan();
      if (!reply) return call.Fail(absl::StatusCode::kResourceExhausted);
      using Result = std::invoke_result_t<Handler&, const Call&, Writer&>;
      if constexpr (std::is_void_v<Result>) {
        handler_(std::as_const(call), *reply);
        call.Reply(std::move(reply));
      } else {
        const absl::StatusCode code = handler_(std::as_const(call), *reply);
        if (code == absl::StatusCode::kOk) {
          call.Reply(std::move(reply));
        } else {
          call.Fail(code);
        }
      }
    } else {
      handler_(std::move(call));
    }
  }

  const std::shared_ptr<ServerState<Method>> server_;
  Handler handler_;
};

}  // namespace holler

#endif  // HOLLER_CALL_SUBSCRIPTION_H_
