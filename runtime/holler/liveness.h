// Whether a process runs, as far as the kernel tells others.
#ifndef HOLLER_LIVENESS_H_
#define HOLLER_LIVENESS_H_

#include <sys/types.h>

#include <span>
#include <string_view>

#include "holler/options.h"

namespace holler {

enum class ProcessState {
  kUnknown,  // /proc does not tell: hidden, or of another PID namespace.
  kRunning,  // Runs or sleeps.
  kStopped,  // By SIGSTOP, ^Z or a debugger.
  kDead,     // Gone, or all that is left is its exit code.
};

// From a line of /proc/<pid>/stat.
ProcessState ParseProcessState(std::string_view stat) noexcept;

// Reads /proc/<pid>/stat: a few microseconds, so for when something is amiss. A process whose main
// thread has ended is what its other threads are.
ProcessState GetProcessState(pid_t pid) noexcept;

// Why nothing comes from `publishers`, those that are matched at present.
enum class Silence {
  kUnmatched,  // There are none: none came yet, or all left or died.
  kStopped,    // All their processes are stopped, or are dying.
  kSilent,     // At least one runs, and does not publish.
};
Silence WhySilent(std::span<const PeerInfo> publishers) noexcept;

}  // namespace holler

#endif  // HOLLER_LIVENESS_H_
