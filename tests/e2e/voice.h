// How a puppet speaks: lines on stdout, each written at once, whatever thread it comes from.
#ifndef HOLLER_TESTS_E2E_VOICE_H_
#define HOLLER_TESTS_E2E_VOICE_H_

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace e2e {

inline void SayLine(std::string line) {
  line.push_back('\n');
  // Lines are shorter than PIPE_BUF, so those of several threads do not mix.
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(3);  // Nobody listens.
}

// "* kind words": something happened.
template <typename... Words>
void SayEvent(const Words&... words) {
  std::string line = "*";
  (absl::StrAppend(&line, " ", words), ...);
  SayLine(std::move(line));
}

}  // namespace e2e

#endif  // HOLLER_TESTS_E2E_VOICE_H_
