// ZeroMQ's ipc transport, in the comparison: PUSH and PULL, and PUB and SUB where there are several
// receivers.
#include <sched.h>
#include <zmq.h>

#include <string>
#include <vector>

#include "measure.h"

namespace bench {
namespace {

class ZeroMq {
 public:
  static constexpr const char* kName = "ZeroMQ";

  struct Shared {};
  static Shared Prepare(const Setup&) { return {}; }

  ZeroMq(const Setup& setup, Shared&) : setup_(setup), context_(::zmq_ctx_new()) {}
  // What was sent may still be in the hands of ZeroMQ's thread: ends when all of it is gone.
  void Close() {
    for (void* socket : sockets_) ::zmq_close(socket);
    ::zmq_ctx_term(context_);
  }

  class Sender {
   public:
    Sender(ZeroMq& zmq, const std::string& channel, uint32_t receivers)
        : setup_(zmq.setup_), socket_(zmq.NewSocket(zmq.is_fan() ? ZMQ_XPUB : ZMQ_PUSH)) {
      if (zmq.is_fan()) {  // Each subscription is told, not only the first to the same.
        const int verbose = 1;
        Check(::zmq_setsockopt(socket_, ZMQ_XPUB_VERBOSE, &verbose, sizeof(verbose)));
      }
      zmq.Open(socket_, channel, !zmq.does_receiver_bind());
      if (!zmq.is_fan()) return;
      for (uint32_t i = 0; i < receivers; ++i) {  // Subscriptions.
        char buffer[8];
        Check(::zmq_recv(socket_, buffer, sizeof(buffer), 0));
      }
    }

    template <typename F>
    void Send(F&& fill) {
      zmq_msg_t message;
      ::zmq_msg_init_size(&message, setup_.bytes);
      fill(static_cast<std::byte*>(::zmq_msg_data(&message)));
      if (::zmq_msg_send(&message, socket_, 0) < 0) Die(::zmq_strerror(::zmq_errno()));
    }

   private:
    const Setup& setup_;
    void* socket_;
  };

  class Receiver {
   public:
    Receiver(ZeroMq& zmq, const std::string& channel, uint32_t)
        : zmq_(zmq), setup_(zmq.setup_), socket_(zmq.NewSocket(zmq.is_fan() ? ZMQ_SUB : ZMQ_PULL)) {
      if (zmq.is_fan()) Check(::zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0));
      zmq.Open(socket_, channel, zmq.does_receiver_bind());
    }

    template <typename F>
    void Receive(F&& read) {
      zmq_msg_t message;
      ::zmq_msg_init(&message);
      const int flags = setup_.waiting == Waiting::kSpin ? ZMQ_DONTWAIT : 0;
      while (::zmq_msg_recv(&message, socket_, flags) < 0) {
        if (::zmq_errno() != EAGAIN) Die(::zmq_strerror(::zmq_errno()));
        ::sched_yield();  // To its own thread on the same CPU, which has to hand messages over.
      }
      read(static_cast<const std::byte*>(::zmq_msg_data(&message)));
      ::zmq_msg_close(&message);
    }

    void AwaitEnd() {
      constexpr char kEvents[] = "inproc://events";
      Check(::zmq_socket_monitor(socket_, kEvents, ZMQ_EVENT_DISCONNECTED));
      void* const events = zmq_.NewSocket(ZMQ_PAIR);
      Check(::zmq_connect(events, kEvents));
      char buffer[64];
      Check(::zmq_recv(events, buffer, sizeof(buffer), 0));
    }

   private:
    ZeroMq& zmq_;
    const Setup& setup_;
    void* socket_;
  };

 private:
  bool is_fan() const { return IsOneToMany(setup_); }
  void* NewSocket(int type) {
    sockets_.push_back(::zmq_socket(context_, type));
    const int milliseconds = 10;  // As nng: whoever is not there yet is looked for often.
    Check(
        ::zmq_setsockopt(sockets_.back(), ZMQ_RECONNECT_IVL, &milliseconds, sizeof(milliseconds)));
    return sockets_.back();
  }
  // Whoever there is one of binds, the others connect.
  void Open(void* socket, const std::string& channel, bool binds) const {
    const std::string address = Address(channel);
    Check(binds ? ::zmq_bind(socket, address.c_str()) : ::zmq_connect(socket, address.c_str()));
  }
  bool does_receiver_bind() const { return setup_.what == "fan-in"; }
  std::string Address(const std::string& channel) const {
    return "ipc://@bench_zeromq_" + std::to_string(setup_.instance) + "_" + channel;
  }
  static void Check(int result) {
    if (result < 0) Die(::zmq_strerror(::zmq_errno()));
  }

  const Setup& setup_;
  void* context_;
  std::vector<void*> sockets_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::ZeroMq>(argc, argv); }
