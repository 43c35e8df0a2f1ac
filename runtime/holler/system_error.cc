#include "holler/system_error.h"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace holler {
namespace {

std::string Remedy(int error_number) {
  switch (error_number) {
    case EMFILE: {
      rlimit limit{};
      ::getrlimit(RLIMIT_NOFILE, &limit);
      return absl::StrCat("; this process may have ", limit.rlim_cur,
                          " open files (RLIMIT_NOFILE): raise it with `ulimit -n`, or close some");
    }
    case ENFILE:
      return "; the whole system is out of open files: raise the sysctl fs.file-max";
    case ENOMEM:
    case ENOSPC:
      return "; out of memory: free some, raise RLIMIT_AS or the cgroup's limit, or lower the "
             "topic's depth, max_subscribers or max_samples";
    case EAGAIN:
      return "; a limit on processes or threads (RLIMIT_NPROC) or on pending connections is "
             "reached: raise it, or try again later";
    case EPERM:
    case EACCES:
      return "; a security policy (seccomp, LSM, container) forbids it: allow this call";
    case ENOSYS:
      return "; this kernel is too old: Holler needs Linux 5.4 or newer";
    default:
      return "";
  }
}

}  // namespace

absl::Status SystemError(int error_number, const std::string& what) {
  return absl::Status(absl::ErrnoToStatusCode(error_number),
                      absl::StrCat(what, ": ", std::strerror(error_number), Remedy(error_number)));
}

}  // namespace holler
