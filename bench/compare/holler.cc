// Holler, in the comparison.
#include <poll.h>

#include <string>
#include <utility>

#include "compare_topics.h"
#include "measure.h"

namespace bench {
namespace {

template <typename T>
T Must(absl::StatusOr<T> made) {
  if (!made.ok()) Die(made.status().ToString());
  return std::move(*made);
}

// One size and kind of message, by the classes that were generated for its topic.
template <typename Publisher, typename Subscriber>
class Holler {
 public:
  static constexpr const char* kName = "Holler";

  struct Shared {};
  static Shared Prepare(const Setup&) { return {}; }

  Holler(const Setup& setup, Shared&)
      : setup_(setup),
        node_(Must(holler::Node::Create({.name = "bench", .domain = 4'800 + setup.instance}))) {}
  void Close() {}

  class Sender {
   public:
    Sender(Holler& holler, const std::string& channel, uint32_t receivers)
        : setup_(holler.setup_),
          publisher_(Must(Publisher::Create(holler.node_, {.topic = "bench/" + channel}))) {
      while (publisher_.subscriber_count() < static_cast<int>(receivers)) ::usleep(100);
    }

    template <typename F>
    void Send(F&& fill) {
      auto loan = Loan();
      if (!loan) return;  // Nobody is there to receive it.
      fill(publisher_.PayloadOf(loan));
      publisher_.Publish(std::move(loan));
    }

    template <typename F>
    void SendBatch(size_t count, F&& fill) {
      publisher_.PublishBatch(count, [&](auto& message, size_t i) {
        fill(reinterpret_cast<std::byte*>(&message.message()), i);
      });
    }

   private:
    // Large ones are written over what was there: to have them zeroed would be to write them twice.
    auto Loan() {
      if constexpr (sizeof(typename Publisher::Message) > 1'024) {
        return publisher_.LoanUninitialized();
      } else {
        return publisher_.Loan();
      }
    }

    const Setup& setup_;
    Publisher publisher_;
  };

  class Receiver {
   public:
    Receiver(Holler& holler, const std::string& channel, uint32_t senders)
        : setup_(holler.setup_),
          subscriber_(Must(Subscriber::Create(holler.node_, {.topic = "bench/" + channel}))) {
      while (subscriber_.publisher_count() < static_cast<int>(senders)) ::usleep(100);
    }

    template <typename F>
    void Receive(F&& read) {
      while (true) {
        if (const auto sample = subscriber_.Take()) {
          read(reinterpret_cast<const std::byte*>(&*sample));
          return;
        }
        if (setup_.waiting == Waiting::kBlock) {
          subscriber_.Wait(absl::InfiniteDuration());
        } else {
          __builtin_ia32_pause();
        }
      }
    }

    template <typename F>
    void ReceiveBatch(size_t most, F&& read) {
      while (subscriber_.TakeBatch(most, [&](auto& sample) {
        read(reinterpret_cast<const std::byte*>(&*sample));
      }) == 0) {
        if (setup_.waiting == Waiting::kBlock) {
          subscriber_.Wait(absl::InfiniteDuration());
        } else {
          __builtin_ia32_pause();
        }
      }
    }

    // Returns when the last sender is gone.
    void AwaitEnd() {
      pollfd matches{.fd = Must(subscriber_.match_fd()), .events = POLLIN, .revents = 0};
      while (subscriber_.HearMatches() > 0) ::poll(&matches, 1, -1);
    }

   private:
    const Setup& setup_;
    Subscriber subscriber_;
  };

 private:
  const Setup& setup_;
  holler::Node node_;
};

int Run(int argc, char** argv) {
  const Setup setup = ReadSetup("Holler", argc, argv);
  const bool is_sure = IsLossless(setup);
  switch (setup.bytes) {
    case 64:
      return is_sure ? Main<Holler<Sure64Publisher, Sure64Subscriber>>(argc, argv)
                     : Main<Holler<Bytes64Publisher, Bytes64Subscriber>>(argc, argv);
    case 1'024:
      return is_sure ? Main<Holler<Sure1KPublisher, Sure1KSubscriber>>(argc, argv)
                     : Main<Holler<Bytes1KPublisher, Bytes1KSubscriber>>(argc, argv);
    case 65'536:
      return is_sure ? Main<Holler<Sure64KPublisher, Sure64KSubscriber>>(argc, argv)
                     : Main<Holler<Bytes64KPublisher, Bytes64KSubscriber>>(argc, argv);
    case 1'048'576:
      return is_sure ? Main<Holler<Sure1MPublisher, Sure1MSubscriber>>(argc, argv)
                     : Main<Holler<Bytes1MPublisher, Bytes1MSubscriber>>(argc, argv);
    default:
      return is_sure ? Main<Holler<Sure4MPublisher, Sure4MSubscriber>>(argc, argv)
                     : Main<Holler<Bytes4MPublisher, Bytes4MSubscriber>>(argc, argv);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Run(argc, argv); }
