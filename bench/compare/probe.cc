// How fast the machine is right now, without any system: two processes that answer each other.
#include <sys/eventfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "messages.h"
#include "process.h"

namespace bench {
namespace {

// A counter each way, on lines of their own: both look at one until it changes.
struct Lines {
  alignas(64) std::atomic<uint64_t> there;
  alignas(64) std::atomic<uint64_t> back;
};

class Spin {
 public:
  void Ask(uint64_t number) { lines_->there.store(number, std::memory_order_release); }
  void AwaitAnswer(uint64_t number) { Await(lines_->back, number); }
  void AwaitQuestion(uint64_t number) { Await(lines_->there, number); }
  void Answer(uint64_t number) { lines_->back.store(number, std::memory_order_release); }

 private:
  static void Await(const std::atomic<uint64_t>& line, uint64_t number) {
    while (line.load(std::memory_order_acquire) != number) __builtin_ia32_pause();
  }

  Lines* const lines_ = static_cast<Lines*>(SharedMemory(sizeof(Lines)));
};

// Both sleep until the other writes.
class Wake {
 public:
  void Ask(uint64_t) { Write(there_); }
  void AwaitAnswer(uint64_t) { Read(back_); }
  void AwaitQuestion(uint64_t) { Read(there_); }
  void Answer(uint64_t) { Write(back_); }

 private:
  static void Write(int fd) {
    if (::eventfd_write(fd, 1) != 0) Die("eventfd_write");
  }
  static void Read(int fd) {
    eventfd_t value;
    if (::eventfd_read(fd, &value) != 0) Die("eventfd_read");
  }

  const int there_ = ::eventfd(0, 0);
  const int back_ = ::eventfd(0, 0);
};

template <typename Way>
void Measure(double seconds, int first_cpu, int other_cpu) {
  Way way;
  auto* is_over = static_cast<std::atomic<bool>*>(SharedMemory(sizeof(std::atomic<bool>)));
  Others others(1, other_cpu, [&](uint32_t) {
    for (uint64_t number = 1; !*is_over; ++number) {
      way.AwaitQuestion(number);
      way.Answer(number);
    }
  });
  PinTo(first_cpu);
  const int64_t end = Now() + static_cast<int64_t>(seconds * 1e9);
  std::vector<int64_t> times;
  uint64_t number = 0;
  for (int64_t start = Now(); start < end;) {
    way.Ask(++number);
    way.AwaitAnswer(number);
    const int64_t now = Now();
    times.push_back((now - start) / 2);
    start = now;
  }
  *is_over = true;
  way.Ask(number + 1);
  others.Join();
  PrintTimes(std::move(times));
}

int Run(int argc, char** argv) {
  std::string way;
  double seconds = 0.1;
  int first_cpu = 0;
  int other_cpu = 1;
  CLI::App app{
      "Measures half a round trip between two processes: by a counter on a cache line that "
      "both look at, or by an eventfd that both sleep on. Prints one figure a line, in ns."};
  app.add_option("way", way, "spin or wake")->required()->check(CLI::IsMember({"spin", "wake"}));
  app.add_option("--seconds", seconds, "How long")->check(CLI::Range(0.001, 60.0));
  app.add_option("--first-cpu", first_cpu, "CPU of the process that measures");
  app.add_option("--other-cpu", other_cpu, "CPU of the other");
  CLI11_PARSE(app, argc, argv);
  if (way == "spin") Measure<Spin>(seconds, first_cpu, other_cpu);
  if (way == "wake") Measure<Wake>(seconds, first_cpu, other_cpu);
  return 0;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) { return bench::Run(argc, argv); }
