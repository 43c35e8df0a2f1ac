// What is measured, the same for each system. A system is a class that provides
//
//   static constexpr const char* kName;
//   static constexpr const char* kModes[];          optional: what setup.mode may be
//   struct Shared;                                  what its processes inherit; often nothing
//   static Shared Prepare(const Setup&);            before there is more than one process
//   System(const Setup&, Shared&);                  once in each process
//   class Sender;    Sender(System&, const std::string& channel, uint32_t receivers);
//   class Receiver;  Receiver(System&, const std::string& channel, uint32_t senders);
//     Both return when so many other ends are there; 0: at once. A channel goes one way.
//   template <typename F> void Sender::Send(F&& fill);
//     Calls fill(std::byte*) with room for setup.bytes, where the system wants a message written,
//     and sends it. Nothing is lost where Sender and Receiver keep step with each other.
//   template <typename F> void Receiver::Receive(F&& read);
//     Waits for the next message as setup.waiting says, and calls read(const std::byte*).
//   template <typename F> void Sender::SendBatch(size_t count, F&& fill);
//   template <typename F> void Receiver::ReceiveBatch(size_t most, F&& read);
//     Optional: so many by one call, for --batch. Calls fill(std::byte*, size_t index).
//     ReceiveBatch waits for one, and reads what there is.
//   void Receiver::AwaitEnd();
//     Optional: returns when the last sender is gone, by the system's word.
//   void System::Close();
//     All is over: ends what must be ended by hand.
#ifndef HOLLER_BENCH_COMPARE_MEASURE_H_
#define HOLLER_BENCH_COMPARE_MEASURE_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "halves.h"
#include "messages.h"
#include "process.h"
#include "rates.h"
#include "setup.h"

namespace bench {

// ---- Latency: half of a round trip ----

template <typename System>
void MeasureLatency(const Setup& setup) {
  typename System::Shared shared = System::Prepare(setup);
  Others others(1, setup.other_cpu, [&](uint32_t) {
    System system(setup, shared);
    typename System::Receiver there(system, "there", 1);
    typename System::Sender back(system, "back", 1);
    uint64_t number = 0;
    while (number != kLast) {
      there.Receive([&](const std::byte* message) { number = Read(setup, message).number; });
      back.Send([&](std::byte* message) { Fill(setup, message, {number, 0}); });
    }
    system.Close();
  });
  PinTo(setup.first_cpu);
  System system(setup, shared);
  typename System::Sender there(system, "there", 1);
  typename System::Receiver back(system, "back", 1);
  const auto ask = [&](uint64_t number) {
    const int64_t start = Now();
    there.Send([&](std::byte* message) { Fill(setup, message, {number, start}); });
    uint64_t answer = 0;
    back.Receive([&](const std::byte* message) { answer = Read(setup, message).number; });
    const int64_t end = Now();
    if (answer != number) Die("message " + std::to_string(answer) + " came out of its turn");
    return (end - start) / 2;
  };
  const int64_t begin = Now();
  const int64_t warm = begin + static_cast<int64_t>(setup.seconds * 0.2e9);
  const int64_t end = begin + static_cast<int64_t>(setup.seconds * 1.2e9);
  uint64_t number = 0;
  while (Now() < warm) ask(++number);
  std::vector<int64_t> times;
  times.reserve(4'000'000);
  while (Now() < end && times.size() < times.capacity()) times.push_back(ask(++number));
  ask(kLast);
  system.Close();
  others.Join();
  PrintTimes(std::move(times));
}

// ---- Throughput: as fast as nothing is lost ----

template <typename System>
void MeasureThroughput(const Setup& setup) {
  struct Result {
    uint64_t messages;
    int64_t time;
    uint64_t lost;
  };
  auto* result = static_cast<Result*>(SharedMemory(sizeof(Result)));
  typename System::Shared shared = System::Prepare(setup);
  Others others(1, setup.other_cpu, [&](uint32_t) {
    System system(setup, shared);
    typename System::Receiver receiver(system, "flow", 1);
    const int64_t warm = Now() + static_cast<int64_t>(setup.seconds * 0.2e9);
    uint64_t expected = 1;
    uint64_t first = 0;  // The first that counts.
    int64_t start = 0;
    bool is_over = false;
    const auto read = [&](const std::byte* message) {
      const Stamp stamp = Read(setup, message);
      is_over = stamp.number == kLast;
      if (is_over) return;
      result->lost += stamp.number - expected;
      expected = stamp.number + 1;
    };
    uint64_t asked = 0;
    while (!is_over) {
      if constexpr (requires { receiver.ReceiveBatch(setup.batch, read); }) {
        if (setup.batch > 1) {
          receiver.ReceiveBatch(setup.batch, read);
        } else {
          receiver.Receive(read);
        }
      } else {
        receiver.Receive(read);
      }
      // The time is asked for now and then only.
      if (first == 0 && expected >= asked && Now() >= warm) {
        first = expected;
        start = Now();
      } else if (expected >= asked) {
        asked = expected + 64;
      }
    }
    result->time = Now() - start;
    result->messages = expected - first;
    system.Close();
  });
  PinTo(setup.first_cpu);
  System system(setup, shared);
  typename System::Sender sender(system, "flow", 1);
  const int64_t end = Now() + static_cast<int64_t>(setup.seconds * 1.2e9);
  uint64_t number = 0;
  const auto fill = [&](std::byte* message, size_t) { Fill(setup, message, {++number, 0}); };
  for (uint64_t asked = 0; number < asked || Now() < end;) {
    if (number >= asked) asked = number + 64;
    if constexpr (requires { sender.SendBatch(setup.batch, fill); }) {
      if (setup.batch > 1) {
        sender.SendBatch(setup.batch, fill);
        continue;
      }
    }
    sender.Send([&](std::byte* message) { fill(message, 0); });
  }
  sender.Send([&](std::byte* message) { Fill(setup, message, {kLast, 0}); });
  others.Join();
  system.Close();
  const double seconds = static_cast<double>(result->time) / 1e9;
  const double messages = static_cast<double>(result->messages);
  std::printf("messages_per_second %.0f\n", messages / seconds);
  std::printf("bytes_per_second %.0f\n", messages * static_cast<double>(setup.bytes) / seconds);
  std::printf("lost %llu\n", static_cast<unsigned long long>(result->lost));
}

template <typename System>
int Main(int argc, char** argv) {
  std::vector<std::string> modes;
  if constexpr (requires { System::kModes; }) {
    modes.assign(std::begin(System::kModes), std::end(System::kModes));
  }
  const Setup setup = ReadSetup(System::kName, argc, argv, modes);
  if (setup.what == "latency") MeasureLatency<System>(setup);
  if (setup.what == "throughput") MeasureThroughput<System>(setup);
  if (setup.what == "fan-out") MeasureFanOut<System>(setup);
  if (setup.what == "fan-in") MeasureFanIn<System>(setup);
  if (setup.what == "publish") PublishForEver<System>(setup);
  if (IsReceiverApart(setup)) SubscribeForEver<System>(setup);
  return 0;
}

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_MEASURE_H_
