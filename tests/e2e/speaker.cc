#include <atomic>
#include <random>
#include <thread>
#include <utility>

#include "endpoint.h"
#include "pattern.h"
#include "voice.h"

namespace e2e {
namespace {

template <typename Topic>
class TopicSpeaker final : public Speaker {
 public:
  using Publisher = holler::Publisher<Topic>;

  explicit TopicSpeaker(Publisher publisher) : publisher_(std::move(publisher)) {}
  ~TopicSpeaker() override { Halt(); }

  absl::StatusOr<uint64_t> Publish(uint64_t count) override {
    for (uint64_t i = 0; i < count; ++i) {
      if (!PublishOne()) return absl::FailedPreconditionError("nobody listens");
    }
    return publisher_.published();
  }

  void Stream(absl::Duration period) override {
    Halt();
    stop_ = false;
    thread_ = std::thread([this, period] {
      absl::Time next = absl::Now();
      while (!stop_) {
        // A pace, not a rendezvous: nothing depends on it.
        if (period > absl::ZeroDuration()) {
          next += period;
          std::this_thread::sleep_for(absl::ToChronoNanoseconds(next - absl::Now()));
        }
        if (!PublishOne()) publisher_.WaitForSubscriber(absl::Milliseconds(10));
      }
    });
  }

  uint64_t Halt() override {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return publisher_.published();
  }

  uint64_t source() const override { return source_; }
  int subscribers() const override { return publisher_.subscriber_count(); }

 private:
  bool PublishOne() {
    auto loan = publisher_.LoanUninitialized();
    if (!loan) return false;
    FillTick(source_, publisher_.published() + 1, &loan->message());
    publisher_.Publish(std::move(loan));
    return true;
  }

  Publisher publisher_;
  const uint64_t source_ = uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

template <typename Topic>
absl::StatusOr<std::unique_ptr<Speaker>> Make(holler::Node& node, const std::string& id,
                                              const std::string& topic) {
  auto publisher = holler::Publisher<Topic>::Create(
      node, {.topic = topic,
             .on_matched = [id](const auto& peer) { SayEvent("matched", id, peer.pid); },
             .on_unmatched = [id](const auto& peer) { SayEvent("unmatched", id, peer.pid); },
             .on_refused = [id](const auto&,
                                const auto& why) { SayEvent("refused", id, why.message()); }});
  if (!publisher.ok()) return publisher.status();
  return std::make_unique<TopicSpeaker<Topic>>(std::move(*publisher));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Speaker>> MakeSpeaker(holler::Node& node, const std::string& id,
                                                     const std::string& topic_class,
                                                     const std::string& topic) {
  if (topic_class == "tick") return Make<TickTopic>(node, id, topic);
  if (topic_class == "few") return Make<FewTopic>(node, id, topic);
  if (topic_class == "last") return Make<LastTopic>(node, id, topic);
  return absl::InvalidArgumentError("no such class of topics");
}

}  // namespace e2e
