// Ends a process at a system call it should not make, or has one fail.
#ifndef HOLLER_TESTS_RUNTIME_SYSCALL_FILTER_H_
#define HOLLER_TESTS_RUNTIME_SYSCALL_FILTER_H_

#include <vector>

namespace holler {

// The status a filtered process exits with when it made another system call; which one, it writes
// to stderr.
inline constexpr int kForbiddenCall = 99;

// From now on the calling thread may make these system calls only, besides those that end the
// process; clock_gettime as well, for machines whose vDSO cannot answer. False: this kernel has no
// seccomp.
bool AllowOnly(const std::vector<int>& calls);

// From now on this system call of the calling thread, and of those it starts, fails with
// `error_number`, as on a kernel or in a sandbox that does not know it. False: no seccomp here.
bool Deny(int call, int error_number);

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_SYSCALL_FILTER_H_
