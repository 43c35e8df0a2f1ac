// What the machine gives: a ring of slots in memory that processes share, a counter on a line of
// its own, and nothing else: no discovery, no time stamps, one writer, readers that never fall
// behind.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "measure.h"

namespace bench {
namespace {

class Floor {
 public:
  static constexpr const char* kName = "the floor";
  // Slots where messages go to and fro. One stays in the caches; but where these are far from each
  // other, to write what the other has just read takes longer than to write what is in memory.
  static constexpr const char* kModes[] = {"one", "four"};
  static constexpr uint32_t kMostReceivers = 8;

  // One way. The slots follow.
  struct Channel {
    alignas(64) std::atomic<uint32_t> sent;
    alignas(64) struct Cursor {
      alignas(64) std::atomic<uint32_t> received;
    } cursors[kMostReceivers];
    alignas(64) std::atomic<uint32_t> receivers;
    alignas(64) std::byte slots[1];
  };
  struct Shared {
    std::byte* memory;
    size_t stride;
  };

  static Shared Prepare(const Setup& setup) {
    const size_t stride = sizeof(Channel) + Depth(setup) * setup.bytes;
    return {static_cast<std::byte*>(SharedMemory(2 * stride)), stride};
  }

  Floor(const Setup& setup, Shared& shared) : setup_(setup), shared_(shared) {
    if (setup.what != "latency" && setup.what != "throughput" && setup.what != "fan-out") {
      Die("it has one sender, and nobody finds anybody");
    }
  }
  void Close() {}

  class Sender {
   public:
    Sender(Floor& floor, const std::string& channel, uint32_t receivers)
        : setup_(floor.setup_), channel_(floor.Find(channel)), receivers_(receivers) {
      while (channel_.receivers.load() < receivers) ::usleep(100);
    }

    template <typename F>
    void Send(F&& fill) {
      const uint32_t depth = Depth(setup_);
      while (sent_ - slowest_ >= depth) {
        uint32_t behind = 0;
        for (uint32_t i = 0; i < receivers_; ++i) {
          behind = std::max(behind,
                            sent_ - channel_.cursors[i].received.load(std::memory_order_acquire));
        }
        slowest_ = sent_ - behind;
      }
      fill(channel_.slots + (sent_ % depth) * setup_.bytes);
      channel_.sent.store(++sent_, std::memory_order_release);
      if (setup_.waiting == Waiting::kBlock) {
        ::syscall(SYS_futex, &channel_.sent, FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
      }
    }

   private:
    const Setup& setup_;
    Channel& channel_;
    const uint32_t receivers_;
    uint32_t sent_ = 0;
    uint32_t slowest_ = 0;
  };

  class Receiver {
   public:
    Receiver(Floor& floor, const std::string& channel, uint32_t)
        : setup_(floor.setup_),
          channel_(floor.Find(channel)),
          cursor_(channel_.cursors[channel_.receivers.fetch_add(1)]) {}

    template <typename F>
    void Receive(F&& read) {
      while (known_ == received_) {
        known_ = channel_.sent.load(std::memory_order_acquire);
        if (known_ != received_) break;
        if (setup_.waiting == Waiting::kBlock) {
          ::syscall(SYS_futex, &channel_.sent, FUTEX_WAIT, known_, nullptr, nullptr, 0);
        } else {
          __builtin_ia32_pause();
        }
      }
      read(channel_.slots + (received_ % Depth(setup_)) * setup_.bytes);
      cursor_.received.store(++received_, std::memory_order_release);
    }

   private:
    const Setup& setup_;
    Channel& channel_;
    Channel::Cursor& cursor_;
    uint32_t received_ = 0;
    uint32_t known_ = 0;
  };

 private:
  static uint32_t Depth(const Setup& setup) {
    if (setup.what == "latency") return setup.mode == "four" ? 4 : 1;
    return QueueDepth(setup);
  }
  Channel& Find(const std::string& channel) {
    return *reinterpret_cast<Channel*>(shared_.memory + (channel == "back" ? shared_.stride : 0));
  }

  const Setup& setup_;
  Shared& shared_;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Main<bench::Floor>(argc, argv); }
