// What the end-to-end tests put into samples, and how they see that one is torn.
#ifndef HOLLER_TESTS_E2E_PATTERN_H_
#define HOLLER_TESTS_E2E_PATTERN_H_

#include <cstdint>

#include "e2e_topics.h"

namespace e2e {

// A word that depends on all of its arguments (the finalizer of SplitMix64).
inline uint64_t WordOf(uint64_t source, uint64_t number, uint64_t index) {
  uint64_t word = source + number * 0x9E3779B97F4A7C15 + index;
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EB;
  return word ^ (word >> 31);
}

inline void FillTick(uint64_t source, uint64_t number, Tick* tick) {
  tick->mutate_source(source);
  tick->mutate_number(number);
  auto& words = *tick->mutable_words();
  for (uint16_t i = 0; i < words.size(); ++i) words.Mutate(i, WordOf(source, number, i));
}

// Whether every word is as FillTick wrote it.
inline bool IsWhole(const Tick& tick) {
  const auto& words = *tick.words();
  for (uint16_t i = 0; i < words.size(); ++i) {
    if (words.Get(i) != WordOf(tick.source(), tick.number(), i)) return false;
  }
  return true;
}

}  // namespace e2e

#endif  // HOLLER_TESTS_E2E_PATTERN_H_
