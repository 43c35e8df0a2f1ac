// A message of the comparison, and the figures of many.
#ifndef HOLLER_BENCH_COMPARE_MESSAGES_H_
#define HOLLER_BENCH_COMPARE_MESSAGES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "process.h"
#include "setup.h"

namespace bench {

// The beginning of every message.
struct Stamp {
  uint64_t number;
  int64_t sent_at;
};

inline void Fill(const Setup& setup, std::byte* message, const Stamp& stamp) {
  if (setup.work == Work::kFilled) {
    std::memset(message, static_cast<int>(stamp.number), setup.bytes);
  }
  std::memcpy(message, &stamp, sizeof(stamp));
}

inline Stamp Read(const Setup& setup, const std::byte* message) {
  Stamp stamp;
  std::memcpy(&stamp, message, sizeof(stamp));
  if (setup.work == Work::kFilled) {
    uint64_t sum = 0;
    for (size_t at = 0; at < setup.bytes; at += sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, message + at, sizeof(word));
      sum += word;
    }
    asm volatile("" : : "r"(sum));  // Somebody wants it.
  }
  return stamp;
}

// Prints the usual figures of a distribution.
inline void PrintTimes(std::vector<int64_t> times) {
  if (times.empty()) Die("not one message came in the time for it");
  std::sort(times.begin(), times.end());
  const auto print = [&](const char* name, double part) {
    const size_t index = static_cast<size_t>(part * static_cast<double>(times.size() - 1));
    std::printf("%s %lld\n", name, static_cast<long long>(times[index]));
  };
  print("min", 0);
  print("p50", 0.5);
  print("p90", 0.9);
  print("p99", 0.99);
  print("p99.9", 0.999);
  print("max", 1);
  std::printf("count %zu\n", times.size());
  // For the distribution's curve: every percent, and the last one finer.
  for (int percent = 1; percent < 100; ++percent) {
    char name[8];
    std::snprintf(name, sizeof(name), "c%d", percent);
    print(name, percent / 100.0);
  }
}

inline constexpr uint64_t kLast = UINT64_MAX;  // The number of the message that ends a run.

}  // namespace bench

#endif  // HOLLER_BENCH_COMPARE_MESSAGES_H_
