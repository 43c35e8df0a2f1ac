// nng's ipc transport, in the comparison: push and pull, and pub and sub where there are several
// receivers.
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "measure.h"

namespace bench {
namespace {

void Check(int result) {
  if (result != 0) Die(::nng_strerror(result));
}

class Nng {
 public:
  static constexpr const char* kName = "nng";

  // nng does not tell when a subscription has arrived: receivers count themselves, and are given
  // some time then.
  struct Shared {
    std::atomic<uint32_t>* receivers;
  };
  static Shared Prepare(const Setup&) {
    return {static_cast<std::atomic<uint32_t>*>(SharedMemory(sizeof(std::atomic<uint32_t>)))};
  }

  Nng(const Setup& setup, Shared& shared) : setup_(setup), shared_(shared) {}
  // What was sent may still be in the hands of nng's threads, which it gives no way to wait for.
  void Close() { ::usleep(100'000); }

  class Sender {
   public:
    Sender(Nng& nng, const std::string& channel, uint32_t receivers) : setup_(nng.setup_) {
      Check(nng.is_fan() ? ::nng_pub0_open(&socket_) : ::nng_push0_open(&socket_));
      nng.Open(socket_, channel, !nng.does_receiver_listen());
      if (!nng.is_fan() || receivers == 0) return;
      while (nng.shared_.receivers->load() < receivers) ::usleep(1'000);
      ::usleep(100'000);
    }

    template <typename F>
    void Send(F&& fill) {
      nng_msg* message = nullptr;
      Check(::nng_msg_alloc(&message, setup_.bytes));
      fill(static_cast<std::byte*>(::nng_msg_body(message)));
      Check(::nng_sendmsg(socket_, message, 0));
    }

   private:
    const Setup& setup_;
    nng_socket socket_{};
  };

  class Receiver {
   public:
    Receiver(Nng& nng, const std::string& channel, uint32_t) : setup_(nng.setup_) {
      Check(nng.is_fan() ? ::nng_sub0_open(&socket_) : ::nng_pull0_open(&socket_));
      if (nng.is_fan()) Check(::nng_socket_set(socket_, NNG_OPT_SUB_SUBSCRIBE, "", 0));
      Check(::nng_socket_set_size(socket_, NNG_OPT_RECVMAXSZ, 0));
      nng.Open(socket_, channel, nng.does_receiver_listen());
      nng.shared_.receivers->fetch_add(1);
    }

    template <typename F>
    void Receive(F&& read) {
      nng_msg* message = nullptr;
      if (setup_.waiting == Waiting::kBlock) {
        Check(::nng_recvmsg(socket_, &message, 0));
      } else {
        int result;
        while ((result = ::nng_recvmsg(socket_, &message, NNG_FLAG_NONBLOCK)) == NNG_EAGAIN) {
        }
        Check(result);
      }
      read(static_cast<const std::byte*>(::nng_msg_body(message)));
      ::nng_msg_free(message);
    }

   private:
    const Setup& setup_;
    nng_socket socket_{};
  };

 private:
  bool is_fan() const { return IsOneToMany(setup_); }
  // Whoever there is one of listens, the others dial.
  bool does_receiver_listen() const { return setup_.what == "fan-in"; }
  void Open(nng_socket socket, const std::string& channel, bool listens) const {
    if (listens) return Check(::nng_listen(socket, Address(channel).c_str(), nullptr, 0));
    if (setup_.what == "subscribe") {  // There may be nobody yet: it goes on trying, often.
      Check(::nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 10));
      return Check(::nng_dial(socket, Address(channel).c_str(), nullptr, NNG_FLAG_NONBLOCK));
    }
    while (::nng_dial(socket, Address(channel).c_str(), nullptr, 0) != 0) ::usleep(1'000);
  }
  std::string Address(const std::string& channel) const {
    return "abstract://bench_nng_" + std::to_string(setup_.instance) + "_" + channel;
  }

  const Setup& setup_;
  Shared& shared_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::Nng>(argc, argv); }
