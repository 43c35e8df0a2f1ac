// A subscriber in an event loop: turns, deadline, all but the type of its samples.
#ifndef HOLLER_SUBSCRIPTION_H_
#define HOLLER_SUBSCRIPTION_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "holler/deadline.h"
#include "holler/loop_core.h"
#include "holler/loop_options.h"
#include "holler/loop_source.h"
#include "holler/subscriber.h"
#include "holler/subscriber_core.h"

namespace holler {

// Serves at most so many samples in a turn as its options say. Ends itself once its subscriber is
// closed; the core it shares with it stays in memory until then.
// Thread safety: thread-compatible, as its subscriber; both belong to the loop's thread.
class Subscription : public LoopSource {
 public:
  Subscription(LoopCore& loop, std::shared_ptr<SubscriberCore> subscriber, SampleOptions options);

  // Has the deadline count from now on. After Add.
  void Start();

  Left OnReady(uint32_t events) override;
  void OnTimer(int64_t now) override;
  Left Unblocked() override;

 protected:
  // Takes a sample and has it handled, after SampleCame. Returns whether there was one.
  virtual bool TakeOne() = 0;

  SubscriberCore& subscriber() const noexcept { return *subscriber_; }
  bool latest() const noexcept { return options_.latest; }
  // To be called with a sample in hand, before its handler.
  void SampleCame() {
    if (deadline_.enabled()) Beat();
  }

 private:
  Left Closed();
  void Beat();
  void Tell(DeadlineState state, int64_t silence);

  const std::shared_ptr<SubscriberCore> subscriber_;
  SampleOptions options_;
  Deadline deadline_;
};

// One whose samples have a type, and a handler of any type that takes them.
template <typename Topic, typename Handler>
class TypedSubscription final : public Subscription {
 public:
  TypedSubscription(LoopCore& loop, std::shared_ptr<SubscriberCore> subscriber,
                    SampleOptions options, Handler handler)
      : Subscription(loop, std::move(subscriber), std::move(options)),
        handler_(std::move(handler)) {}

 private:
  bool TakeOne() override {
    auto sample = latest() ? Subscriber<Topic>::TakeLatestFrom(subscriber())
                           : Subscriber<Topic>::TakeFrom(subscriber());
    if (!sample) return false;
    SampleCame();
    // Its handler may have removed this, or destroyed the subscriber.
    if (removed() || this->subscriber().closed()) return true;
    loop().Call(*this, [&] { handler_(std::move(sample)); });
    return true;
  }

  Handler handler_;
};

}  // namespace holler

#endif  // HOLLER_SUBSCRIPTION_H_
