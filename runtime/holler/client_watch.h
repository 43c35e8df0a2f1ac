// A client in an event loop: replies, deadlines, servers that go.
#ifndef HOLLER_CLIENT_WATCH_H_
#define HOLLER_CLIENT_WATCH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "holler/client_core.h"
#include "holler/loop_core.h"
#include "holler/loop_source.h"
#include "holler/reply.h"

namespace holler {

// Tells the end of each call of a client, so many in a turn. Ends itself once the client is gone.
// Thread safety: thread-compatible, as its client; both belong to the loop's thread.
class ClientWatch : public LoopSource, private CallListener {
 public:
  ClientWatch(LoopCore& loop, std::shared_ptr<ClientCore> client);
  ~ClientWatch() override { client_->RemoveListener(this); }

  // Calls sent before count as well. After LoopCore::Add.
  void Start();

  Left OnReady(uint32_t events) override;
  void OnTimer(int64_t now) override;
  Left Unblocked() override;

 protected:
  virtual void Handle(const ClientCore::Ended& ended) = 0;

 private:
  void CallsChanged() override;
  void Schedule();

  const std::shared_ptr<ClientCore> client_;
  int64_t scheduled_ = INT64_MAX;  // For the deadline of this time.
};

// One whose replies have a type, and a handler that takes them.
template <typename Message, typename Handler>
class TypedClientWatch final : public ClientWatch {
 public:
  TypedClientWatch(LoopCore& loop, std::shared_ptr<ClientCore> client, Handler handler)
      : ClientWatch(loop, std::move(client)), handler_(std::move(handler)) {}

 private:
  void Handle(const ClientCore::Ended& ended) override {
    Reply<Message> reply(ended);
    if (!removed()) loop().Call(*this, [&] { handler_(std::move(reply)); });
  }

  Handler handler_;
};

}  // namespace holler

#endif  // HOLLER_CLIENT_WATCH_H_
