// The two ends as programs of their own, which find each other: for starting, dying and memory.
#ifndef HOLLER_BENCH_COMPARE_HALVES_H_
#define HOLLER_BENCH_COMPARE_HALVES_H_

#include <algorithm>
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

// Prints a moment at once: whoever started this process reads along.
inline void PrintMoment(const char* name) {
  std::printf("%s %lld\n", name, static_cast<long long>(Now()));
  std::fflush(stdout);
}

inline std::string ChannelName(uint32_t index) { return std::to_string(index).insert(0, 1, 't'); }

// Sends on all channels at a rate, until it is killed.
template <typename System>
void PublishForEver(const Setup& setup) {
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
    for (auto& sender : senders) {
      sender.Send([&](std::byte* message) { Fill(setup, message, {number, Now()}); });
    }
  });
}

// Receives on the first channel, until it is killed. Says when the first message came, and, where
// the system tells, when the sender was gone.
template <typename System>
void SubscribeForEver(const Setup& setup) {
  typename System::Shared shared = System::Prepare(setup);
  System system(setup, shared);
  std::deque<typename System::Receiver> receivers;
  for (uint32_t i = 0; i < setup.topics; ++i) {
    receivers.emplace_back(system, ChannelName(i), 0);
  }
  PrintMoment("ready");
  auto& receiver = receivers.front();
  receiver.Receive([](const std::byte*) {});
  PrintMoment("first");
  if constexpr (requires { receiver.AwaitEnd(); }) {
    receiver.AwaitEnd();
    PrintMoment("gone");
  }
  while (true) receiver.Receive([](const std::byte*) {});
}

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_HALVES_H_
