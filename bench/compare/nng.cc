// nng's ipc transport, in the comparison: push and pull, and pub and sub where there are several
// receivers.
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <sched.h>
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
      if (IsLossless(setup_)) {  // Else each message waits until the one before was received.
        Check(::nng_socket_set_int(socket_, NNG_OPT_SENDBUF, nng.depth()));
      }
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
      if (IsLossless(setup_)) Check(::nng_socket_set_int(socket_, NNG_OPT_RECVBUF, nng.depth()));
      if (setup_.what == "watch") {
        const auto note = [](nng_pipe, nng_pipe_ev, void* self) {
          static_cast<Receiver*>(self)->is_over_ = true;
          static_cast<Receiver*>(self)->is_over_.notify_one();
        };
        Check(::nng_pipe_notify(socket_, NNG_PIPE_EV_REM_POST, note, this));
      }
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
          ::sched_yield();  // To its own threads on the same CPU, which have to hand messages over.
        }
        Check(result);
      }
      read(static_cast<const std::byte*>(::nng_msg_body(message)));
      ::nng_msg_free(message);
    }

    void AwaitEnd() { is_over_.wait(false); }

   private:
    const Setup& setup_;
    nng_socket socket_{};
    std::atomic<bool> is_over_{false};
  };

 private:
  bool is_fan() const { return IsOneToMany(setup_); }
  int depth() const { return static_cast<int>(QueueDepth(setup_)); }
  // Whoever there is one of listens, the others dial.
  bool does_receiver_listen() const { return setup_.what == "fan-in"; }
  void Open(nng_socket socket, const std::string& channel, bool listens) const {
    if (listens) return Check(::nng_listen(socket, Address(channel).c_str(), nullptr, 0));
    if (IsReceiverApart(setup_)) {  // There may be nobody yet: it goes on trying, often.
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
