// The two ends as programs of their own, which find each other: for starting, dying and memory.
#ifndef HOLLER_BENCH_COMPARE_HALVES_H_
#define HOLLER_BENCH_COMPARE_HALVES_H_

#include <signal.h>
#include <sys/prctl.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "messages.h"
#include "process.h"
#include "rates.h"
#include "setup.h"

namespace bench {

// Half of a run ends with the script that started it, whatever becomes of that.
inline void EndWithParent() { ::prctl(PR_SET_PDEATHSIG, SIGKILL); }

// Prints a moment at once: whoever started this process reads along.
inline void PrintMoment(const char* name) {
  std::printf("%s %lld\n", name, static_cast<long long>(Now()));
  std::fflush(stdout);
}

inline std::string ChannelName(uint32_t index) { return std::to_string(index).insert(0, 1, 't'); }

// Sends on the active channels at a rate, until it is killed.
template <typename System>
void PublishForEver(const Setup& setup) {
  EndWithParent();
  typename System::Shared shared = System::Prepare(setup);
  System system(setup, shared);
  std::deque<typename System::Sender> senders;
  for (uint32_t i = 0; i < setup.topics; ++i) {
    senders.emplace_back(system, ChannelName(i), 0);
  }
  PrintMoment("ready");
  uint64_t number = 0;
  AtRate(setup, UINT64_MAX, [&] {
    ++number;
    for (uint32_t i = 0; i < ActiveTopics(setup); ++i) {
      senders[i].Send([&](std::byte* message) { Fill(setup, message, {number, Now()}); });
    }
  });
}

// Receives until it is killed. Says when each active channel had its first message, and when the
// first of them had another; or, to watch, when the sender was gone.
template <typename System>
void SubscribeForEver(const Setup& setup) {
  EndWithParent();
  typename System::Shared shared = System::Prepare(setup);
  System system(setup, shared);
  std::deque<typename System::Receiver> receivers;
  for (uint32_t i = 0; i < setup.topics; ++i) {
    receivers.emplace_back(system, ChannelName(i), 0);
  }
  PrintMoment("ready");
  for (uint32_t i = 0; i < ActiveTopics(setup); ++i) receivers[i].Receive([](const std::byte*) {});
  PrintMoment("first");
  auto& receiver = receivers.front();
  if (setup.what == "watch") {
    if constexpr (requires { receiver.AwaitEnd(); }) {
      receiver.AwaitEnd();
      PrintMoment("gone");
    } else {
      Die(std::string(System::kName) + " has no word for it");
    }
  }
  receiver.Receive([](const std::byte*) {});
  PrintMoment("second");
  while (true) receiver.Receive([](const std::byte*) {});
}

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_HALVES_H_
