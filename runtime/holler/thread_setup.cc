#include "holler/thread_setup.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace holler {
namespace {

absl::Status SetPriority(pthread_t thread, int priority, const std::string& what) {
  if (priority < 0 || priority > 99) {
    return absl::InvalidArgumentError(
        absl::StrCat("priority ", priority, " of ", what,
                     ": it is 0 (ordinary) or 1 to 99 (SCHED_FIFO, 99 the most urgent)"));
  }
  sched_param param{};
  param.sched_priority = priority;
  const int error =
      ::pthread_setschedparam(thread, priority == 0 ? SCHED_OTHER : SCHED_FIFO, &param);
  if (error == 0) return absl::OkStatus();
  rlimit limit{};
  ::getrlimit(RLIMIT_RTPRIO, &limit);
  return absl::PermissionDeniedError(
      absl::StrCat("priority ", priority, " of ", what, ": ", std::strerror(error),
                   "; this process may have real-time priorities up to ", limit.rlim_cur,
                   " (RLIMIT_RTPRIO): raise it with `ulimit -r`, or grant CAP_SYS_NICE"));
}

absl::Status SetCpus(pthread_t thread, const std::vector<int>& cpus, const std::string& what) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu < 0 || cpu >= CPU_SETSIZE) {
      return absl::InvalidArgumentError(
          absl::StrCat("CPU ", cpu, " of ", what, ": CPUs are 0 to ", CPU_SETSIZE - 1));
    }
    CPU_SET(cpu, &set);
  }
  const int error = ::pthread_setaffinity_np(thread, sizeof(set), &set);
  if (error == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("CPUs ", absl::StrJoin(cpus, ", "), " of ", what, ": ", std::strerror(error),
                   "; this process may use none of them: `taskset -cp $$` shows which it may"));
}

}  // namespace

absl::Status SetUpThread(pthread_t thread, const ThreadOptions& options, const std::string& what) {
  if (options.priority.has_value()) {
    absl::Status status = SetPriority(thread, *options.priority, what);
    if (!status.ok()) return status;
  }
  return options.cpus.empty() ? absl::OkStatus() : SetCpus(thread, options.cpus, what);
}

}  // namespace holler
