// iceoryx, in the comparison. Needs its daemon, iox-roudi, to be running.
#include <unistd.h>

#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <memory>
#include <string>

#include "measure.h"

namespace bench {
namespace {

class Iceoryx {
 public:
  static constexpr const char* kName = "iceoryx";

  struct Shared {};
  static Shared Prepare(const Setup&) { return {}; }

  Iceoryx(const Setup& setup, Shared&) : setup_(setup) {
    const std::string name = "bench_" + std::to_string(::getpid());
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
  }
  void Close() {}

  class Sender {
   public:
    Sender(Iceoryx& iceoryx, const std::string& channel, uint32_t receivers)
        : setup_(iceoryx.setup_), publisher_(iceoryx.Describe(channel), iceoryx.SenderOptions()) {
      while (receivers > 0 && !publisher_.hasSubscribers()) ::usleep(1'000);
      if (receivers > 1) ::usleep(200'000);  // It does not tell how many.
    }

    template <typename F>
    void Send(F&& fill) {
      publisher_.loan(static_cast<uint32_t>(setup_.bytes), 64)
          .and_then([&](void* payload) {
            fill(static_cast<std::byte*>(payload));
            publisher_.publish(payload);
          })
          .or_else([](auto&) { Die("iceoryx lends no memory"); });
    }

   private:
    const Setup& setup_;
    iox::popo::UntypedPublisher publisher_;
  };

  class Receiver {
   public:
    Receiver(Iceoryx& iceoryx, const std::string& channel, uint32_t)
        : setup_(iceoryx.setup_),
          subscriber_(std::make_unique<iox::popo::UntypedSubscriber>(iceoryx.Describe(channel),
                                                                     iceoryx.ReceiverOptions())) {
      if (setup_.waiting == Waiting::kBlock) {
        wait_set_ = std::make_unique<iox::popo::WaitSet<1>>();
        wait_set_->attachState(*subscriber_, iox::popo::SubscriberState::HAS_DATA)
            .or_else([](auto) { Die("iceoryx: attachState"); });
      }
      while (subscriber_->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
        ::usleep(1'000);
    }

    template <typename F>
    void Receive(F&& read) {
      bool is_received = false;
      while (!is_received) {
        if (wait_set_ != nullptr && !subscriber_->hasData()) wait_set_->wait();
        subscriber_->take().and_then([&](const void* payload) {
          read(static_cast<const std::byte*>(payload));
          subscriber_->release(payload);
          is_received = true;
        });
      }
    }

    // The daemon looks after its clients' signs of life, and tells of who has none any more.
    void AwaitEnd() {
      while (subscriber_->getSubscriptionState() == iox::SubscribeState::SUBSCRIBED) {
        ::usleep(1'000);
      }
    }

   private:
    const Setup& setup_;
    std::unique_ptr<iox::popo::UntypedSubscriber> subscriber_;
    std::unique_ptr<iox::popo::WaitSet<1>> wait_set_;
  };

 private:
  iox::capro::ServiceDescription Describe(const std::string& channel) const {
    const std::string instance = std::to_string(setup_.instance);
    return {iox::capro::IdString_t("bench"),
            iox::capro::IdString_t(iox::cxx::TruncateToCapacity, instance),
            iox::capro::IdString_t(iox::cxx::TruncateToCapacity, channel)};
  }
  iox::popo::PublisherOptions SenderOptions() const {
    iox::popo::PublisherOptions options;
    if (IsLossless(setup_)) {
      options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    }
    return options;
  }
  iox::popo::SubscriberOptions ReceiverOptions() const {
    iox::popo::SubscriberOptions options;
    options.queueCapacity = QueueDepth(setup_);
    if (IsLossless(setup_)) options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
    return options;
  }

  const Setup& setup_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::Iceoryx>(argc, argv); }
