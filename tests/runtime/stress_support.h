// How hard stress tests try.
#ifndef HOLLER_TESTS_RUNTIME_STRESS_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_STRESS_SUPPORT_H_

#include <cstdint>
#include <cstdlib>
#include <random>
#include <thread>

#include "sanitizers.h"

namespace holler {

// How often a stress test does what it does: `usual`, a tenth of it under sanitizers, and as many
// times that as HOLLER_STRESS says.
inline uint64_t StressRounds(uint64_t usual) {
  if (kSanitized) usual /= 10;
  const char* times = std::getenv("HOLLER_STRESS");
  return usual * (times != nullptr ? std::strtoull(times, nullptr, 10) : 1);
}

// Gives others a turn, up to `most` times.
inline void Idle(std::mt19937& random, uint32_t most) {
  for (uint32_t i = random() % (most + 1); i > 0; --i) std::this_thread::yield();
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_STRESS_SUPPORT_H_
