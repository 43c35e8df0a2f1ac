// LCM, in the comparison: UDP multicast, on this machine only.
#include <lcm/lcm.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "measure.h"

namespace bench {
namespace {

class Lcm {
 public:
  static constexpr const char* kName = "LCM";

  // LCM does not know who listens.
  struct Shared {
    std::atomic<uint32_t>* receivers;
  };
  static Shared Prepare(const Setup&) {
    return {static_cast<std::atomic<uint32_t>*>(SharedMemory(sizeof(std::atomic<uint32_t>)))};
  }

  Lcm(const Setup& setup, Shared& shared)
      : setup_(setup),
        shared_(shared),
        lcm_(::lcm_create(
            ("udpm://239.255.76.67:" + std::to_string(7'700 + setup.instance) + "?ttl=0")
                .c_str())) {
    if (lcm_ == nullptr) Die("no LCM: is there multicast on the loopback interface?");
  }
  void Close() {}

  class Sender {
   public:
    Sender(Lcm& lcm, const std::string& channel, uint32_t receivers)
        : lcm_(lcm.lcm_), channel_(channel), message_(lcm.setup_.bytes) {
      // The receiver of the other direction, in this process, was the first of the two.
      const uint32_t expected = channel == "back" ? 2 : receivers;
      while (receivers > 0 && lcm.shared_.receivers->load() < expected) ::usleep(1'000);
    }

    template <typename F>
    void Send(F&& fill) {
      fill(message_.data());
      const auto size = static_cast<unsigned>(message_.size());
      if (::lcm_publish(lcm_, channel_.c_str(), message_.data(), size) != 0) Die("lcm_publish");
    }

   private:
    lcm_t* const lcm_;
    const std::string channel_;
    std::vector<std::byte> message_;
  };

  class Receiver {
   public:
    Receiver(Lcm& lcm, const std::string& channel, uint32_t) : setup_(lcm.setup_), lcm_(lcm.lcm_) {
      lcm_subscription_t* subscription =
          ::lcm_subscribe(lcm_, channel.c_str(), &Receiver::OnMessage, this);
      ::lcm_subscription_set_queue_capacity(subscription, 1'000);
      lcm.shared_.receivers->fetch_add(1);
    }

    template <typename F>
    void Receive(F&& read) {
      is_received_ = false;
      read_ = [&read](const std::byte* message) { read(message); };
      while (!is_received_) {
        if (setup_.waiting == Waiting::kBlock) {
          ::lcm_handle(lcm_);
        } else if (::lcm_handle_timeout(lcm_, 0) == 0) {
          ::sched_yield();  // To its own thread on the same CPU, which has to hand messages over.
        }
      }
    }

   private:
    static void OnMessage(const lcm_recv_buf_t* buffer, const char*, void* user) {
      auto* receiver = static_cast<Receiver*>(user);
      receiver->is_received_ = true;
      receiver->read_(static_cast<const std::byte*>(buffer->data));
    }

    const Setup& setup_;
    lcm_t* const lcm_;
    bool is_received_ = false;
    std::function<void(const std::byte*)> read_ = [](const std::byte*) {
    };  // Of the present Receive.
  };

 private:
  const Setup& setup_;
  Shared& shared_;
  lcm_t* lcm_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::Lcm>(argc, argv); }
