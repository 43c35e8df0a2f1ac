// One to many and many to one, at a given rate. measure.h says what a System is.
#ifndef HOLLER_BENCH_COMPARE_RATES_H_
#define HOLLER_BENCH_COMPARE_RATES_H_

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "messages.h"
#include "process.h"
#include "setup.h"

namespace bench {

// How many messages a run at a rate has.
inline uint64_t CountOf(const Setup& setup) {
  return static_cast<uint64_t>(setup.seconds * setup.hz);
}

// Calls `act` setup.hz times a second, `count` times, after sleep until each moment.
template <typename Act>
void AtRate(const Setup& setup, uint64_t count, Act&& act) {
  const int64_t period = 1'000'000'000 / setup.hz;
  int64_t due = Now();
  for (uint64_t i = 0; i < count; ++i) {
    due += period;
    const timespec until{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
    while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
    }
    act();
  }
}

// What the processes at the other end noted down, in memory that all share.
struct Notes {
  static constexpr size_t kMost = 1 << 20;
  std::atomic<uint64_t> count;
  std::atomic<uint64_t> lost;
  std::atomic<int64_t> cpu;  // ns, of all of them.
  std::atomic<bool> is_over;
  int64_t times[kMost];

  static Notes* Create() { return static_cast<Notes*>(SharedMemory(sizeof(Notes))); }
  void Add(int64_t time) {
    const uint64_t at = count.fetch_add(1);
    if (at < kMost) times[at] = time;
  }
  void AwaitEnd() const {
    while (!is_over) ::usleep(1'000);
  }
  // CPU time in ns, of all on each side, for `messages`.
  void Print(int64_t senders, int64_t receivers, uint64_t messages) const {
    PrintTimes({times, times + std::min<uint64_t>(count, kMost)});
    std::printf("lost %llu\n", static_cast<unsigned long long>(lost));
    std::printf("cpu_sender %.0f\n", static_cast<double>(senders) / static_cast<double>(messages));
    std::printf("cpu_receivers %.0f\n",
                static_cast<double>(receivers) / static_cast<double>(messages));
  }
};

// One sends at a rate, others receive and note how long each message took.
template <typename System>
void MeasureFanOut(const Setup& setup) {
  Notes* notes = Notes::Create();
  typename System::Shared shared = System::Prepare(setup);
  Others others(setup.others, setup.other_cpu, [&](uint32_t) {
    System system(setup, shared);
    typename System::Receiver receiver(system, "fan", 1);
    const int64_t before = CpuTime();
    uint64_t expected = 1;
    bool is_over = false;
    while (!is_over) {
      receiver.Receive([&](const std::byte* message) {
        const Stamp stamp = Read(setup, message);
        is_over = stamp.number == kLast;
        if (is_over) return;
        notes->Add(Now() - stamp.sent_at);
        notes->lost += stamp.number - expected;
        expected = stamp.number + 1;
      });
    }
    notes->cpu += CpuTime() - before;
    system.Close();
  });
  PinTo(setup.first_cpu);
  System system(setup, shared);
  typename System::Sender sender(system, "fan", setup.others);
  const auto send = [&](uint64_t number) {
    const int64_t now = Now();
    sender.Send([&](std::byte* message) { Fill(setup, message, {number, now}); });
  };
  const int64_t before = CpuTime();
  uint64_t number = 0;
  AtRate(setup, CountOf(setup), [&] { send(++number); });
  const int64_t cpu = CpuTime() - before;
  send(kLast);
  others.Join();
  system.Close();
  notes->Print(cpu, notes->cpu, number);
}

// Several send at a rate each, one receives and notes how long each message took.
template <typename System>
void MeasureFanIn(const Setup& setup) {
  constexpr int kSenderShift = 48;  // A message's number says who sent it.
  Notes* notes = Notes::Create();
  typename System::Shared shared = System::Prepare(setup);
  Others others(setup.others, setup.other_cpu, [&](uint32_t index) {
    System system(setup, shared);
    typename System::Sender sender(system, "fan", 1);
    const auto send = [&](uint64_t number) {
      const int64_t now = Now();
      sender.Send([&](std::byte* message) { Fill(setup, message, {number, now}); });
    };
    const int64_t before = CpuTime();
    uint64_t number = uint64_t{index} << kSenderShift;
    AtRate(setup, CountOf(setup), [&] { send(++number); });
    notes->cpu += CpuTime() - before;
    send(kLast);
    notes->AwaitEnd();  // What was sent may go with its sender.
    system.Close();
  });
  PinTo(setup.first_cpu);
  System system(setup, shared);
  typename System::Receiver receiver(system, "fan", setup.others);
  std::vector<uint64_t> last(setup.others);
  const int64_t before = CpuTime();
  for (uint32_t left = setup.others; left > 0;) {
    receiver.Receive([&](const std::byte* message) {
      const Stamp stamp = Read(setup, message);
      if (stamp.number == kLast) {
        --left;
        return;
      }
      notes->Add(Now() - stamp.sent_at);
      uint64_t& known = last[stamp.number >> kSenderShift];
      const uint64_t number = stamp.number & ((uint64_t{1} << kSenderShift) - 1);
      notes->lost += number - known - 1;
      known = number;
    });
  }
  const int64_t cpu = CpuTime() - before;
  notes->is_over = true;
  others.Join();
  system.Close();
  notes->Print(notes->cpu, cpu, setup.others * CountOf(setup));
}

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_RATES_H_
